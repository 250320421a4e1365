"""Batch systems: what is asked of them, in whose words, and what their answers mean."""
