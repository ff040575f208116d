"""`python benchmarks/bench`: this folder as a program."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # A folder that is run stands first in the search path itself, in place of the one that it lies in.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.orchestrator import main

    sys.exit(main())
