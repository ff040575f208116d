"""OpenVINO on its CPU plugin."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.errors import EngineError
from edgeall.runtimes.precision import Operator, is_conversion, normalized
from edgeall.runtimes.session import EngineInfo, Port, Tensor, essence

_NOT_OPERATORS = ("Input", "Output", "Reorder")


class OpenVinoNetwork:
    """An OpenVINO model: one stream, one infer request, tensors written in place."""

    def __init__(self, path: Path, threads: int, precision: str) -> None:
        os.environ.setdefault("OPENVINO_TELEMETRY_OPT_OUT", "1")
        import openvino

        self.engine = EngineInfo("openvino", openvino.__version__.partition("-")[0])
        self._path = path
        try:
            model = openvino.Core().compile_model(str(path), "CPU", properties(threads, precision))
        except Exception as error:  # its exceptions share no base of their own
            raise EngineError(f"{path}: OpenVINO cannot load it ({essence(error)})") from None
        self.input = _only(path, "input", model.inputs)
        self.output = _only(path, "output", model.outputs)
        self._model = model
        self._request = model.create_infer_request()
        self._given = self._request.get_input_tensor().data
        self._made = self._request.get_output_tensor().data

    def run(self, tensor: Tensor) -> Tensor:
        # Copying into the request's own tensor costs less than wrapping another one for each call.
        try:
            self._given[:] = tensor
            self._request.infer()
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"{self._path}: OpenVINO failed ({essence(error)})") from None
        return self._made  # type: ignore[no-any-return]

    def operators(self) -> Sequence[Operator]:
        constant: set[str] = set()
        found = []
        for node in self._model.get_runtime_model().get_ordered_ops():
            info = {key: str(item.value) for key, item in node.get_rt_info().items()}
            givers = [port.get_source_output().get_node().get_friendly_name() for port in node.inputs()]
            # What is made of constants alone is computed once, at load.
            if info["layerType"] == "Const" or (givers and constant.issuperset(givers)):
                constant.add(node.get_friendly_name())
            elif info["layerType"] not in _NOT_OPERATORS:
                found.append(Operator(info["layerType"], _precision(info), _converts(info)))
        return found

    def close(self) -> None:
        self._given = self._made = self._request = self._model = None


def properties(threads: int, precision: str) -> dict[str, Any]:
    """What a model is compiled with on the CPU, for `threads` threads and an artifact of `precision`."""
    told: dict[str, Any] = {
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "CACHE_DIR": "",
    }
    arm = platform.machine().lower() in ("aarch64", "arm64")
    # Left to itself, OpenVINO computes float32 as bfloat16 or float16 wherever the CPU can. What is called float32
    # must be; so must the float remainder of an int8 model, except on Arm, where float16 is its way of being fast.
    if precision == "float32" or (precision == "int8" and not arm):
        told["INFERENCE_PRECISION_HINT"] = "f32"
    return told


def _precision(info: dict[str, str]) -> str:
    """From the kernel's name ("brgconv_avx2_1x1_f32", "jit_gemm_I8"), which ends in what it computes in.

    `runtimePrecision` is the type of its first input or weights instead: it says f16 of float16 weights that are
    computed with in float32.
    """
    kernel = normalized(info.get("primitiveType", "").rpartition("_")[2])
    return kernel if kernel.startswith(("float", "bfloat", "int")) else normalized(info["runtimePrecision"])


def _converts(info: dict[str, str]) -> bool:
    """NNCF's quantization of the input runs as a "Subgraph" made of nothing but one of its fake quantizers."""
    sources = [name for name in info.get("originalLayersNames", "").split(",") if name]
    fake = bool(sources) and all("/fq_" in name for name in sources)
    return is_conversion(info["layerType"]) or (info["layerType"] == "Subgraph" and fake)


def _only(path: Path, side: str, ports: list[Any]) -> Port:
    if len(ports) != 1:
        raise EngineError(f"{path}: has {len(ports)} {side}s; edgeall runs models with one")
    port = ports[0]
    if not port.partial_shape.is_static:
        raise EngineError(f"{path}: has {side} of open shape {port.partial_shape}; edgeall runs batches of 1")
    return Port(tuple(port.shape), np.dtype(port.element_type.to_dtype()))


load = OpenVinoNetwork
