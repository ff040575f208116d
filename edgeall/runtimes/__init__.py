"""Inference engines behind one face. An engine is imported only when a model of its format is opened.

>>> with open_session(artifact.read(path), threads=1) as session:  # doctest: +SKIP
...     session.predict(images)
"""

import importlib
import os
from pathlib import Path
from typing import Any, Protocol

from edgeall import engines
from edgeall.artifact import Artifact, Format, Precision
from edgeall.engines import ENGINES, Engine
from edgeall.errors import EngineError, MissingExtraError, UsageError
from edgeall.files import AnyPath
from edgeall.pixels import PixelMapping
from edgeall.runtimes.accelerator import Accelerator, AcceleratorError
from edgeall.runtimes.precision import ExecutedPrecision, Operator
from edgeall.runtimes.session import (
    EngineInfo,
    Network,
    Session,
    SessionOptions,
    Stages,
    essence,
    is_absent,
    none_installed,
)

__all__ = [
    "Accelerator",
    "AcceleratorError",
    "EngineInfo",
    "ExecutedPrecision",
    "Operator",
    "Runtime",
    "Session",
    "SessionOptions",
    "Stages",
    "lacking",
    "open_model",
    "open_session",
    "settings",
    "unusable",
]


class Runtime(Protocol):
    """What the module of an engine has. It imports the engine inside its functions."""

    def load(self, path: Path, setup: SessionOptions) -> Network:
        """The model at `path`, loaded.

        Raises:
            ImportError: the engine is not installed.
            EngineError: it cannot load the model; AcceleratorError: not where the options say.
        """
        ...

    def settings(self, setup: SessionOptions) -> dict[str, Any]:
        """All that the engine is given beside the model, JSON-ready; without importing it."""
        ...

    def lacking(self, accelerator: Accelerator) -> str | None:
        """Why the engine cannot compute on an accelerator here; None where it can."""
        ...


def open_session(
    artifact: Artifact, threads: int = 1, *, accelerator: Accelerator | None = None, batch: int = 1
) -> Session:
    """Load a checked artifact into its engine.

    Args:
        accelerator: where to compute; the engine computes there or not at all, never on the processor instead.
        batch: images in one inference.

    Raises:
        MissingExtraError: the engine is not installed.
        AcceleratorError: the accelerator is not to be had here, or did not take the whole model.
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
        accelerator=accelerator,
        batch=batch,
    )


def open_model(
    path: AnyPath,
    format: Format,
    pixels: PixelMapping,
    *,
    classes: int | None = None,
    threads: int = 1,
    precision: Precision = "float32",
    accelerator: Accelerator | None = None,
    batch: int = 1,
) -> Session:
    """Load a model file that may carry no metadata yet.

    `precision` is what the model was made for: float32 ones are then computed in float32, whatever the engine would
    rather do. `classes` is checked against the model's output where given (one sigmoid output makes 2).

    Raises:
        as `open_session`.
    """
    path = Path(path)
    if threads < 1:
        raise UsageError(f"{threads} threads: at least 1 is needed")
    if threads > (cores := os.cpu_count() or 1):
        # Engines do not bound it themselves.
        raise UsageError(
            f"{threads} threads: this machine has {cores} processor cores; {cores} threads at most"
        )
    if batch < 1:
        raise UsageError(f"a batch of {batch}: at least 1 is needed")
    setup = SessionOptions(threads, precision, accelerator, batch)
    engine = ENGINES[format]
    try:
        network = _runtime(engine).load(path, setup)
    except ImportError as error:
        raise _unimportable(engine, error) from None
    return Session(network, path, pixels, classes, setup)


def settings(format: Format, setup: SessionOptions) -> dict[str, Any]:
    """All that changes what an engine computes here, or how fast, beside the model and its own version; JSON-ready.

    Sessions are opened with these very settings, so that results of others can be told apart. No engine is imported.
    """
    return _runtime(ENGINES[format]).settings(setup)


def lacking(format: Format, accelerator: Accelerator) -> str | None:
    """Why an engine cannot compute on an accelerator here, in one line with the way out; None where it can."""
    engine = ENGINES[format]
    try:
        return _runtime(engine).lacking(accelerator)
    except ImportError:
        return str(MissingExtraError(engine.title, engine.extra or "workstation"))


def unusable(format: Format) -> str | None:
    """Why the engine of a format cannot be imported here, in one line with the way out; None where it can.

    To be asked in a process that ends: a wheel that is built for a newer processor ends the one that imports it.
    """
    engine = ENGINES[format]
    trouble: BaseException | None = None
    trouble_with = ""
    for module in engine.packages:
        try:
            importlib.import_module(module)
        except Exception as error:  # an engine may raise anything
            if trouble is None or is_absent(trouble, trouble_with):
                trouble, trouble_with = error, module
        else:
            return None
    assert trouble is not None
    return str(_unimportable(engine, trouble))


def _unimportable(engine: Engine, error: BaseException) -> EngineError | MissingExtraError:
    if any(is_absent(error, module) for module in engine.packages):
        return (
            EngineError(none_installed(engine))
            if engine.extra is None
            else MissingExtraError(engine.title, engine.extra)
        )
    return EngineError(f"{engine.title} is installed but cannot be imported ({essence(error)})")


def _runtime(engine: Engine) -> Runtime:
    runtime: Runtime = engines.load(engine.runtime)
    return runtime
