"""Bench: artifacts in, figures out. The workstation's half; what runs on the device is `edgeall.measuring`."""

from edgeall.benching.bench import bench
from edgeall.benching.discovery import find_artifacts, find_ensembles
from edgeall.benching.fleet import AT_ONCE, BoardOutcome, census, fleet
from edgeall.benching.fleet_file import boards

__all__ = [
    "AT_ONCE",
    "BoardOutcome",
    "bench",
    "boards",
    "census",
    "find_artifacts",
    "find_ensembles",
    "fleet",
]
