"""`benchmarks/` is no package: its folder is where its programs find one another."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
