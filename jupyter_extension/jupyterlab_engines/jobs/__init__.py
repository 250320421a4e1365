"""The user's jobs as the scheduler knows them, kept true by one query loop."""
