"""Not there: tests start some two hundred Jupyter servers, and this package costs each of them two seconds.

It builds the grammar of international web addresses when it is imported. jsonschema does so for a format that
no schema of a Jupyter server has, and goes without if it cannot. `npm test` puts this folder first.
"""

raise ImportError("left out of servers that tests start")
