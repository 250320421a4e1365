"""What the server and the job agree on: where the files of a run lie and what they say.

Standard library only: the job imports this before anything else, and its start-up
time is part of every start of a cluster.
"""
