"""What crosses the wire, and the schema made from it."""
