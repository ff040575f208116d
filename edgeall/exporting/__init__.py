"""Runs to artifacts: TFLite, ONNX and OpenVINO, float and INT8, each compared with the Keras model it came from.

TensorFlow, ONNX and NNCF are imported by worker processes alone; importing this package is cheap.
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
