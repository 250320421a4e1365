"""Cells on engines: what ``%px`` and its kin do, and what they show."""
