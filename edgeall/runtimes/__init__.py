"""Inference engines behind one face. An engine is imported only when a model of its format is opened.

>>> with open_session(artifact.read(path), threads=1) as session:  # doctest: +SKIP
...     session.predict(images)
"""

import importlib
from dataclasses import dataclass
from pathlib import Path

from edgeall.artifact import Artifact, Format, Precision
from edgeall.errors import EngineError, MissingExtraError, UsageError
from edgeall.pixels import PixelMapping
from edgeall.runtimes.precision import ExecutedPrecision, Operator
from edgeall.runtimes.session import EngineInfo, Session, essence

__all__ = [
    "ENGINES",
    "Engine",
    "EngineInfo",
    "ExecutedPrecision",
    "Operator",
    "Session",
    "open_model",
    "open_session",
]


@dataclass(frozen=True)
class Engine:
    """An inference engine edgeall knows.

    Attributes:
        title: as users know it.
        module: under `edgeall.runtimes`; brings `load(path, threads, precision) -> Network`.
        extra: of edgeall's distribution, that installs it; None where edgeall itself needs it.
    """

    title: str
    module: str
    extra: str | None


ENGINES: dict[Format, Engine] = {
    "tflite": Engine("TensorFlow Lite", "tflite", None),
    "onnx": Engine("ONNX Runtime", "onnx", "onnx"),
    "openvino": Engine("OpenVINO", "openvino", "openvino"),
}
"""Artifact format to engine. A new engine is a row here and a module."""


def open_session(artifact: Artifact, threads: int = 1) -> Session:
    """Load a checked artifact into its engine.

    Raises:
        MissingExtraError: the engine is not installed.
        EngineError: it cannot load the model, or the model is not what its metadata says.
    """
    metadata = artifact.metadata
    return open_model(
        artifact.path,
        metadata.format,
        metadata.pixels,
        classes=len(metadata.decision.labels),
        threads=threads,
        precision=metadata.precision,
    )


def open_model(
    path: Path,
    format: Format,
    pixels: PixelMapping,
    *,
    classes: int | None = None,
    threads: int = 1,
    precision: Precision = "float32",
) -> Session:
    """Load a model file that may carry no metadata yet.

    `precision` is what the model was made for: float32 ones are then computed in float32, whatever the engine would
    rather do. `classes` is checked against the model's output where given (one sigmoid output makes 2).

    Raises:
        as `open_session`.
    """
    if threads < 1:
        raise UsageError(f"{threads} threads: at least 1 is needed")
    engine = ENGINES[format]
    module = importlib.import_module(f"edgeall.runtimes.{engine.module}")
    try:
        network = module.load(path, threads, precision)
    except ModuleNotFoundError:
        raise MissingExtraError(engine.title, engine.extra or "workstation") from None
    except ImportError as error:
        raise EngineError(f"{engine.title} is installed but cannot be imported ({essence(error)})") from None
    return Session(network, path, pixels, classes, threads)
