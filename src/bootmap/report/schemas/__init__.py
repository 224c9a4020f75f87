"""JSON Schemas (2020-12) of every JSON document that bootmap prints."""
