"""Presentation: takes result objects, computes nothing."""
