"""Clusters: their life cycle, what is known of them, and why they fail."""
