"""The hardware: descriptors, walks, attributes, permissions and faults.  Knows no Linux."""
