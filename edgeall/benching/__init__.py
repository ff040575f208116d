"""Bench: artifacts in, figures out. The workstation's half; what runs on the device is `edgeall.measuring`."""

from edgeall.benching.bench import bench
from edgeall.benching.discovery import find_artifacts, find_ensembles
from edgeall.benching.fleet import fleet

__all__ = ["bench", "find_artifacts", "find_ensembles", "fleet"]
