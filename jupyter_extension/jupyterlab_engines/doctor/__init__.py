"""The Doctor: examines what starting engines depends on, and reports it without secrets."""
