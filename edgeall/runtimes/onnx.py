"""ONNX Runtime, on its CPU provider or on the one that is asked for."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.errors import EngineError
from edgeall.runtimes.accelerator import AcceleratorError
from edgeall.runtimes.onnx_batch import with_batch
from edgeall.runtimes.onnx_providers import (
    CPU,
    lacking,
    memory_of,
    open_on,
    saturates,
    session_options,
    settings,
    tells_precision,
)
from edgeall.runtimes.precision import Operator, is_conversion, of_types
from edgeall.runtimes.session import EngineInfo, Port, SessionOptions, Stages, Tensor, essence

__all__ = ["BoundNetwork", "OnnxNetwork", "lacking", "load", "saturates", "settings"]

_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}


class OnnxNetwork:
    """An ONNX model."""

    card: dict[str, Any] | None = None
    stages: Stages | str = "computed on the processor: nothing is copied to an accelerator"

    def __init__(self, path: Path, setup: SessionOptions) -> None:
        import onnxruntime

        self.engine = EngineInfo("onnxruntime", onnxruntime.__version__)
        self._path, self._setup = path, setup
        self._model = _model(path, setup.batch)
        self._session = self._load(session_options(setup))
        self._in, self.input = _only(path, "input", self._session.get_inputs())
        name, self.output = _only(path, "output", self._session.get_outputs())
        self._out = [name]

    def run(self, tensor: Tensor) -> Tensor:
        # Bound inputs and outputs were no faster than this for one image at a time.
        try:
            result: Tensor = self._session.run(self._out, {self._in: tensor})[0]
        except Exception as error:
            raise self._failed(error) from None
        return result

    def operators(self) -> Sequence[Operator]:
        """From ONNX Runtime's own profile of one inference: what ran, after fusion, and on which tensor types."""
        return [
            Operator(
                node["op_name"],
                _precision(node),
                is_conversion(node["op_name"]),
            )
            for node in self._nodes
            if "output_type_shape" in node
        ]

    def close(self) -> None:
        self._session = None

    def placement(self) -> dict[str, int | None]:
        return dict(Counter(node.get("provider", "unknown") for node in self._nodes))

    @cached_property
    def _nodes(self) -> list[dict[str, Any]]:
        """What ONNX Runtime tells of each node that it ran."""
        with tempfile.TemporaryDirectory(prefix="edgeall-") as folder:
            options = session_options(self._setup)
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = self._load(options)
            session.run(self._out, {self._in: np.zeros(self.input.shape, self.input.dtype)})
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes = [event["args"] for event in events if event.get("cat") == "Node"]
        return [node for node in nodes if "op_name" in node]

    def _load(self, options: Any) -> Any:
        try:
            return open_on(self._model, options, self._setup)
        except AcceleratorError as error:
            raise AcceleratorError(f"{self._path}: {error}") from None
        except Exception as error:  # its exceptions share no base of their own
            raise EngineError(f"{self._path}: ONNX Runtime cannot load it ({essence(error)})") from None

    def _failed(self, error: Exception) -> EngineError:
        return EngineError(f"{self._path}: ONNX Runtime failed ({essence(error)})")


class BoundNetwork(OnnxNetwork):
    """An ONNX model on an accelerator: input and output lie there, and what is copied is copied by command."""

    def __init__(self, path: Path, setup: SessionOptions) -> None:
        from onnxruntime import OrtValue

        super().__init__(path, setup)
        assert setup.accelerator is not None
        place = memory_of(setup.accelerator)
        try:
            self._given, self._made = (
                OrtValue.ortvalue_from_shape_and_type(list(port.shape), port.dtype, *place)
                for port in (self.input, self.output)
            )
            self._binding = self._session.io_binding()
            self._binding.bind_ortvalue_input(self._in, self._given)
            self._binding.bind_ortvalue_output(self._out[0], self._made)
        except Exception as error:  # out of the card's memory, mostly
            raise self._failed(error) from None
        self.stages = Stages(self._copy_in, self._compute, self._copy_out)

    def placement(self) -> dict[str, int | None]:
        found = super().placement()
        assert self._setup.accelerator is not None
        if strangers := sorted(found.keys() - {self._setup.accelerator.provider}):
            raise AcceleratorError(
                f"{self._path}: {', '.join(strangers)} took nodes meant for {self._setup.accelerator}"
            )
        return found

    def run(self, tensor: Tensor) -> Tensor:
        self._copy_in(tensor)
        self._compute()
        return self._copy_out()

    def close(self) -> None:
        self._binding = self._given = self._made = None
        super().close()

    def _copy_in(self, tensor: Tensor) -> None:
        try:
            self._given.update_inplace(np.ascontiguousarray(tensor))
            self._binding.synchronize_inputs()
        except Exception as error:
            raise self._failed(error) from None

    def _compute(self) -> None:
        try:
            self._session.run_with_iobinding(self._binding)
            self._binding.synchronize_outputs()
        except Exception as error:
            raise self._failed(error) from None

    def _copy_out(self) -> Tensor:
        result: Tensor = self._made.numpy()
        return result


def load(path: Path, setup: SessionOptions) -> OnnxNetwork:
    """The model, where the set-up says."""
    return (OnnxNetwork if setup.accelerator is None else BoundNetwork)(path, setup)


def _model(path: Path, batch: int) -> str | bytes:
    """What ONNX Runtime is to load: the file itself where its own batch will do."""
    if batch == 1:
        return str(path)
    try:
        return with_batch(path.read_bytes(), batch)
    except (OSError, ValueError) as error:
        raise EngineError(f"{path}: cannot be given a batch of {batch} ({error})") from None


def _only(path: Path, side: str, ports: list[Any]) -> tuple[str, Port]:
    if len(ports) != 1:
        raise EngineError(f"{path}: has {len(ports)} {side}s; edgeall runs models with one")
    port = ports[0]
    if port.type not in _TYPES:
        raise EngineError(f"{path}: has {side} of type {port.type}; edgeall runs models with float ones")
    # A batch left open in the file is a symbol here, and 1 in use.
    shape = tuple(size if isinstance(size, int) else 1 for size in port.shape)
    return port.name, Port(shape, np.dtype(_TYPES[port.type]))


def _precision(node: dict[str, Any]) -> str:
    if not tells_precision(node.get("provider", CPU)):
        return "unknown"
    made = _names(node["output_type_shape"])
    # Its first input is the result's scale, a float, and not what it joins.
    given = made if node["op_name"] == "QLinearConcat" else _names(node["input_type_shape"])
    return of_types(given, made)


def _names(types: list[dict[str, Any]]) -> list[str]:
    return [name for entry in types for name in entry]
