"""Other tools that make INT8 models of the same float model, each in a virtual environment of its own.

`table` lists them. `bench.environments` installs one. `quantizing` runs its script in `scripts/`, which gets and gives
plain JSON. `judging` has all models answer the same pictures in edgeall's own sessions. `comparing` tests the
differences.
"""
