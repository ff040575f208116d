"""TensorFlow Lite, by whichever of its interpreters is installed.

Float models answer the same in all of them. INT8 ones need not: tflite_runtime 2.14 has integer kernels of its own
where ai_edge_litert has XNNPACK's, and their rounding moved the score of an INT8 MobileNetV2 by 0.007 on average and
0.03 at most. So the interpreter in use is named with every result.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.engines import ENGINES
from edgeall.errors import EngineError
from edgeall.runtimes.accelerator import Accelerator, AcceleratorError
from edgeall.runtimes.precision import Operator, is_conversion, of_types
from edgeall.runtimes.session import (
    EngineInfo,
    Port,
    SessionOptions,
    Stages,
    Tensor,
    essence,
    is_absent,
    none_installed,
)


class TfliteNetwork:
    """A TFLite model on the processor."""

    card: dict[str, Any] | None = None
    stages: Stages | str = "TensorFlow Lite runs on the processor: nothing is copied to an accelerator"

    def __init__(self, path: Path, setup: SessionOptions) -> None:
        if setup.accelerator is not None:
            raise AcceleratorError(f"{path}: {lacking(setup.accelerator)}")
        interpreter_class, self.engine = find_interpreter()
        if self.engine.name == "tflite-runtime" and np.lib.NumpyVersion(np.__version__) >= "2.0.0":
            raise EngineError(
                f"tflite-runtime does not work with NumPy {np.__version__}; "
                'install with: pip install "numpy<2", or: pip install ai-edge-litert'
            )
        try:
            with _hushed():
                self._interpreter = interpreter_class(model_path=str(path), **settings(setup))
                if setup.batch != 1:
                    given = self._interpreter.get_input_details()[0]
                    self._interpreter.resize_tensor_input(given["index"], [setup.batch, *given["shape"][1:]])
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, ImportError, AttributeError, SystemError) as error:
            raise EngineError(f"{path}: {self.engine.name} cannot load it ({essence(error)})") from None
        self._path = path
        self._in, self.input = _only(path, "input", self._interpreter.get_input_details())
        self._out, self.output = _only(path, "output", self._interpreter.get_output_details())

    def run(self, tensor: Tensor) -> Tensor:
        try:
            self._interpreter.set_tensor(self._in, tensor)
            self._interpreter.invoke()
            result: Tensor = self._interpreter.get_tensor(self._out)
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"{self._path}: {self.engine.name} failed ({essence(error)})") from None
        return result

    def operators(self) -> Sequence[Operator]:
        # By tensor numbers: tflite_runtime's operators do not name their types themselves.
        types = {
            detail["index"]: np.dtype(detail["dtype"]).name
            for detail in self._interpreter.get_tensor_details()
        }
        # A delegate's own node stands beside the operators it took over, which are the ones that tell.
        return [
            Operator(
                op["op_name"],
                of_types(_named(types, op["inputs"]), _named(types, op["outputs"])),
                is_conversion(op["op_name"]),
            )
            for op in self._interpreter._get_ops_details()
            if op["op_name"] != "DELEGATE"
        ]

    def placement(self) -> dict[str, int | None]:
        return {"CPU": None}

    def close(self) -> None:
        self._interpreter = None


@contextmanager
def _hushed() -> Iterator[None]:
    """Without the line that the library writes to the process's standard error for every model it loads.

    And without TensorFlow's warning that its interpreter is to be had elsewhere.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def settings(setup: SessionOptions) -> dict[str, Any]:
    """All that the interpreter is told beside the model, JSON-ready."""
    return {"num_threads": setup.threads}


def lacking(accelerator: Accelerator) -> str:
    """Why an accelerator cannot serve: none can."""
    return f"TensorFlow Lite runs on the processor here, not on {accelerator}; bench ONNX or OpenVINO artifacts there"


def find_interpreter() -> tuple[Any, EngineInfo]:
    """The interpreter class in use, and what it is.

    Raises:
        EngineError: no interpreter is installed, or none that is can be imported.
    """
    broken = ""
    engine = ENGINES["tflite"]
    for module, (distribution, *_) in engine.packages.items():
        try:
            found = importlib.import_module(module).Interpreter
        except (ImportError, AttributeError) as error:
            if not is_absent(error, module):
                broken = broken or f"{distribution} is installed but cannot be imported ({essence(error)})"
            continue
        return found, EngineInfo(distribution, _version(module.partition(".")[0], distribution))
    raise EngineError(broken or none_installed(engine))


def _version(package: str, distribution: str) -> str:
    # The package's own word first: to import `importlib.metadata` takes longer than to load a model.
    if own := getattr(importlib.import_module(package), "__version__", None):
        return str(own)
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def _only(path: Path, side: str, details: list[dict[str, Any]]) -> tuple[int, Port]:
    if len(details) != 1:
        raise EngineError(f"{path}: has {len(details)} {side}s; edgeall runs models with one")
    detail = details[0]
    scale, zero_point = detail["quantization"]
    port = Port(tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]), float(scale), int(zero_point))
    return int(detail["index"]), port


def _named(types: dict[int, str], tensors: Sequence[int]) -> list[str]:
    """Types of an operator's tensors; one that it does without is -1."""
    return [types[int(tensor)] for tensor in tensors if int(tensor) in types]


load = TfliteNetwork
