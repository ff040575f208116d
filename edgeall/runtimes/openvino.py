"""OpenVINO, on its CPU plugin or on the device that is asked for."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.errors import EngineError
from edgeall.runtimes.accelerator import Accelerator, AcceleratorError
from edgeall.runtimes.precision import Operator, is_conversion, normalized
from edgeall.runtimes.session import EngineInfo, Port, SessionOptions, Stages, Tensor, essence

_CPU = "CPU"
_NOT_OPERATORS = ("Input", "Output", "Reorder")


class OpenVinoNetwork:
    """An OpenVINO model: one stream, one infer request, tensors written in place."""

    stages: Stages | str = "OpenVINO copies inside the inference: in its latency, and not to be told apart"

    def __init__(self, path: Path, setup: SessionOptions) -> None:
        import openvino

        self.engine = EngineInfo("openvino", openvino.__version__.partition("-")[0])
        self._path = path
        told = settings(setup)
        device = told["device"]
        try:
            core = openvino.Core()
            model = str(path)
            if setup.batch != 1:
                model = core.read_model(model)
                model.reshape({0: [setup.batch, *list(model.input(0).shape)[1:]]})
            model = core.compile_model(model, device, told["properties"])
            devices = list(model.get_property("EXECUTION_DEVICES"))
        except Exception as error:  # its exceptions share no base of their own
            if setup.accelerator is not None and (reason := lacking(setup.accelerator)):
                raise AcceleratorError(f"{path}: {reason}") from None
            raise EngineError(f"{path}: OpenVINO cannot load it ({essence(error)})") from None
        if setup.accelerator is not None and not computes_on(device, devices):
            raise AcceleratorError(
                f"{path}: OpenVINO would run it on {' and '.join(devices)}, not on {setup.accelerator}; "
                "nothing was measured in its place"
            )
        self._devices = devices
        self.card = None if setup.accelerator is None else _card(core, device)
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

    def placement(self) -> dict[str, int | None]:
        return dict.fromkeys(self._devices)

    def close(self) -> None:
        self._given = self._made = self._request = self._model = None


def computes_on(asked: str, told: Sequence[str]) -> bool:
    """Whether EXECUTION_DEVICES, as OpenVINO tells them, are the one device that was asked for.

    Its GPU plugin calls "GPU" what it runs on "GPU.0", and older releases "OCL_GPU.0".
    """

    def name(device: str) -> str:
        return device.removeprefix("OCL_").removesuffix(".0")

    return [name(device) for device in told] == [name(asked)]


def _card(core: Any, device: str) -> dict[str, Any]:
    """What OpenVINO tells of a device: its name, and of a GPU its memory; not its driver."""
    try:
        memory: int | None = int(core.get_property(device, "GPU_DEVICE_TOTAL_MEM_SIZE"))
    except Exception:  # its exceptions share no base of their own; other devices have no such property
        memory = None
    name = str(core.get_property(device, "FULL_DEVICE_NAME")).strip()
    return {"name": name, "driver": None, "memory_bytes": memory}


def lacking(accelerator: Accelerator) -> str | None:
    """Why OpenVINO cannot compute on an accelerator here; None where it can.

    Raises:
        ImportError: OpenVINO is not installed, or broken.
    """
    import openvino

    core = openvino.Core()
    try:
        # A name that stands for others ("AUTO") passes here; what it chose is known when a model is compiled.
        core.get_property(_device(accelerator), "FULL_DEVICE_NAME")
    except Exception as error:  # its exceptions share no base of their own
        why = re.sub(r'Cannot load library "[^"]*/([^"/]+)": ', r"\1: ", essence(error))
        return (
            f"OpenVINO {openvino.__version__.partition('-')[0]} offers {', '.join(core.available_devices)} here, not "
            f"{accelerator} ({why}); {_MISSING.get(accelerator.provider, 'see its documentation on devices')}"
        )
    return None


_MISSING = {
    "GPU": "an Intel GPU and its OpenCL driver are needed (on Debian and Ubuntu: apt install intel-opencl-icd)"
}
"""How to get a device."""


def _device(accelerator: Accelerator) -> str:
    """As OpenVINO counts them: "GPU" is the first, "GPU.1" the second."""
    return f"{accelerator.provider}.{accelerator.device}" if accelerator.device else accelerator.provider


def settings(setup: SessionOptions) -> dict[str, Any]:
    """All that OpenVINO is told beside the model, JSON-ready: the device, and what the model is compiled with."""
    device = _CPU if setup.accelerator is None else _device(setup.accelerator)
    return {"device": device, "properties": properties(setup.threads, setup.precision, device)}


def properties(threads: int, precision: str, device: str = _CPU) -> dict[str, Any]:
    """What a model is compiled with, for `threads` threads of the CPU and an artifact of `precision`."""
    told: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": ""}
    if device == _CPU:
        told |= {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}
    # By default OpenVINO computes in bfloat16 on every processor that has it, whatever type the weights are stored in;
    # the hint "f16" is turned into bfloat16 there too. A CPU is always told float32: float16 in a file is how weights
    # are stored, and int8 models have a float remainder. (On Arm, OpenVINO 2026.4 refuses INT8 models whose residual
    # additions are rounded when that remainder is float16.) An accelerator computes float16 and int8 as it prefers.
    if device == _CPU or precision == "float32":
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
