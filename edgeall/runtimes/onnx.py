"""ONNX Runtime on its CPU provider."""

import json
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.errors import EngineError
from edgeall.runtimes.precision import Operator, is_conversion, of_types
from edgeall.runtimes.session import EngineInfo, Port, Tensor, essence

_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}


class OnnxNetwork:
    """An ONNX model."""

    def __init__(self, path: Path, threads: int, precision: str) -> None:
        import onnxruntime

        self.engine = EngineInfo("onnxruntime", onnxruntime.__version__)
        self._path, self._threads = path, threads
        self._session = self._load(_options(threads))
        self._in, self.input = _only(path, "input", self._session.get_inputs())
        name, self.output = _only(path, "output", self._session.get_outputs())
        self._out = [name]

    def run(self, tensor: Tensor) -> Tensor:
        # Bound inputs and outputs were no faster than this for one image at a time.
        try:
            result: Tensor = self._session.run(self._out, {self._in: tensor})[0]
        except Exception as error:
            raise EngineError(f"{self._path}: ONNX Runtime failed ({essence(error)})") from None
        return result

    def operators(self) -> Sequence[Operator]:
        """From ONNX Runtime's own profile of one inference: what ran, after fusion, and on which tensor types."""
        with tempfile.TemporaryDirectory(prefix="edgeall-") as folder:
            options = _options(self._threads)
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = self._load(options)
            session.run(self._out, {self._in: np.zeros(self.input.shape, self.input.dtype)})
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes = [event["args"] for event in events if event.get("cat") == "Node"]
        return [
            Operator(
                node["op_name"],
                _precision(node),
                is_conversion(node["op_name"]),
            )
            for node in nodes
            if "op_name" in node and "output_type_shape" in node
        ]

    def close(self) -> None:
        self._session = None

    def _load(self, options: Any) -> Any:
        import onnxruntime

        try:
            return onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no base of their own
            raise EngineError(f"{self._path}: ONNX Runtime cannot load it ({essence(error)})") from None


def _options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Threads that spin between two inferences gain nothing on an idle machine and, where anything else runs too, nearly
    # double the latency (MobileNetV2, 2 threads on 2 busy cores: 17.9 against 9.7 ms) and the CPU time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without it, full-range INT8 weights gave other answers on such a CPU than anywhere else: MobileNetV2's score was
    # off by 0.027 on average (0.005 with it, which is rounding), a small network's by 0.27 (0.000). It costs 40% of
    # INT8's speed there, and nothing where weights have a reduced range.
    if saturates():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def saturates() -> bool:
    """Whether this CPU's fastest uint8 x int8 product saturates in 16 bits: x86-64 without VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # Not known: the exact way is right everywhere.
        return True
    return "avx512_vnni" not in flags and "avx_vnni" not in flags


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
    made = _names(node["output_type_shape"])
    # Its first input is the result's scale, a float, and not what it joins.
    given = made if node["op_name"] == "QLinearConcat" else _names(node["input_type_shape"])
    return of_types(given, made)


def _names(types: list[dict[str, Any]]) -> list[str]:
    return [name for entry in types for name in entry]


load = OnnxNetwork
