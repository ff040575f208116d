"""Exports runs to TFLite, ONNX and OpenVINO artifacts, float and INT8, and compares each with its Keras model.

Only worker processes import TensorFlow, ONNX and NNCF, so that importing this package is cheap.
"""

from edgeall.exporting.calibration_images import read_folder
from edgeall.exporting.export import ExportOutcome, export_run, export_runs, write_sensitivity
from edgeall.exporting.export_plan import FailedTask, Options
from edgeall.exporting.manifest import Exported
from edgeall.exporting.pooling import PooledParity, pool
from edgeall.exporting.recipes import Recipe, choose, load_recipe

__all__ = [
    "ExportOutcome",
    "Exported",
    "FailedTask",
    "Options",
    "PooledParity",
    "Recipe",
    "choose",
    "export_run",
    "export_runs",
    "load_recipe",
    "pool",
    "read_folder",
    "write_sensitivity",
]
