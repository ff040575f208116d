"""Bench: artifacts in, figures out. The workstation's half; what runs on the device is `edgeall.measuring`."""

from edgeall.benching.bench import bench
from edgeall.benching.find import find_artifacts

__all__ = ["bench", "find_artifacts"]
