"""MPI engines from a notebook: magics, connection, typed allreduce.

Imported in kernels and engines; never imports the server side.
"""
