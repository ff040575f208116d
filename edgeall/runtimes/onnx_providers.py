"""ONNX Runtime's execution providers: which are here, and a session on one of them alone."""

import contextlib
import functools
import io
import os
import platform
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgeall.runtimes.accelerator import Accelerator, AcceleratorError
from edgeall.runtimes.session import SessionOptions, essence

CPU = "CPUExecutionProvider"
_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"

_MEMORY = {
    CPU: "cpu",
    _CUDA: "cuda",
    _TENSORRT: "cuda",
    "ROCMExecutionProvider": "cuda",
    "DmlExecutionProvider": "dml",
}
"""Where a provider's tensors lie, by ONNX Runtime's name of the memory; others' are the processor's."""

_TELLING = frozenset((CPU, _CUDA))
"""Providers that run the graph's own operators, so that their types tell the precision. Others (TensorRT) put whole
subgraphs into one of their own and choose inside."""


def memory_of(accelerator: Accelerator) -> tuple[str, int]:
    """Where its tensors lie: ONNX Runtime's name of the memory, and the number of the device."""
    return _MEMORY.get(accelerator.provider, "cpu"), accelerator.device


def tells_precision(provider: str) -> bool:
    """Whether the types of a provider's nodes are those that it computes in."""
    return provider in _TELLING


def lacking(accelerator: Accelerator) -> str | None:
    """Why ONNX Runtime cannot compute on an accelerator here; None where it can.

    A provider that is listed need not work: its libraries or the card may be missing. So one operator is run on it.

    Raises:
        ImportError: ONNX Runtime is not installed, or broken.
    """
    from onnxruntime.datasets import get_example

    setup = SessionOptions(accelerator=accelerator)
    try:
        open_on(str(get_example("sigmoid.onnx")), session_options(setup), setup)
    except AcceleratorError as error:
        return str(error)
    except Exception as error:  # its exceptions share no base of their own
        return f"ONNX Runtime cannot run on {accelerator} ({essence(error)})"
    return None


_MISSING = dict.fromkeys(
    (_CUDA, _TENSORRT),
    'an NVIDIA GPU with its driver is needed, and: pip uninstall onnxruntime, then pip install "onnxruntime-gpu"',
)
"""How to get a provider."""


def open_on(model: str | bytes, options: Any, setup: SessionOptions) -> Any:
    """An InferenceSession on the accelerator of the set-up, and on nothing else.

    Raises:
        AcceleratorError: it would run elsewhere, in whole or in part.
    """
    import onnxruntime

    accelerator = setup.accelerator or Accelerator(CPU)
    provider, version = accelerator.provider, onnxruntime.__version__
    offered = onnxruntime.get_available_providers()
    if provider not in offered:
        raise AcceleratorError(
            f"ONNX Runtime {version} offers {', '.join(offered)} here, not {provider}; "
            + _MISSING.get(provider, "another build of ONNX Runtime may have it")
        )
    if provider in NVIDIAS:
        _find_libraries()
    told = settings(setup)
    os.environ.update(told["environment"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = onnxruntime.InferenceSession(
                model, options, providers=[(told["provider"], told["provider_options"])]
            )
    except Exception as error:
        if "fallback to CPU EP" in str(error):
            raise AcceleratorError(
                f"ONNX Runtime {version}: {provider} did not take every operator, and none is run on the processor in "
                "its place; its libraries or its device may be missing, or the model is not for it"
            ) from None
        raise
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise AcceleratorError(
            f"ONNX Runtime {version}: {provider} could not be started ({', '.join(session.get_providers())} would run "
            "in its place); see that its libraries (CUDA, cuDNN, TensorRT) and the device's driver are installed"
        )
    return session


def _cuda(setup: SessionOptions, device: int) -> dict[str, str]:
    # TF32 keeps 10 of float32's 23 bits; what is called float32 must be.
    return {"device_id": str(device), "use_tf32": "0"}


def _tensorrt(setup: SessionOptions, device: int) -> dict[str, str]:
    return {
        "device_id": str(device),
        "trt_fp16_enable": str(int(setup.precision == "float16")),
        "trt_int8_enable": str(int(setup.precision == "int8")),
    }


_PROVIDER_OPTIONS: dict[str, Callable[[SessionOptions, int], dict[str, str]]] = {
    _CUDA: _cuda,
    _TENSORRT: _tensorrt,
}
NVIDIAS = frozenset(_PROVIDER_OPTIONS)
"""Providers that compute on NVIDIA's cards."""

_ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    # TensorRT has no such option through ONNX Runtime; NVIDIA's libraries heed this one. Whatever the shell says: a
    # figure of float32 is of float32.
    _TENSORRT: {"NVIDIA_TF32_OVERRIDE": "0"},
}
"""Environment variables that a provider is started under."""


@functools.cache
def _find_libraries() -> None:
    """CUDA's and cuDNN's from NVIDIA's wheels, where they came so; the system's need no such help."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it did not find; whether that was needed, the session tells.
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


def settings(setup: SessionOptions) -> dict[str, Any]:
    """All that ONNX Runtime is told beside the model, JSON-ready; it is told nothing else.

    "threads" are attributes of its session options and "entries" their configuration; "provider_options" and
    "environment" (variables) are the provider's.
    """
    accelerator = setup.accelerator or Accelerator(CPU)
    provider = accelerator.provider
    make = _PROVIDER_OPTIONS.get(provider)
    entries = {
        # Threads that spin between two inferences gain nothing on an idle machine and, where anything else runs too,
        # nearly double the latency (MobileNetV2, 2 threads on 2 busy cores: 17.9 against 9.7 ms) and the CPU time.
        "session.intra_op.allow_spinning": "0"
    }
    if saturates():
        # Without it, full-range INT8 weights gave other answers on such a CPU than anywhere else: MobileNetV2's score
        # was off by 0.027 on average (0.005 with it, which is rounding), a small network's by 0.27 (0.000). It costs
        # 40% of INT8's speed there, and nothing where weights have a reduced range.
        entries["session.x64quantprecision"] = "1"
    if provider != CPU:
        # ONNX Runtime would give to the processor whatever the accelerator cannot take, and say nothing.
        entries["session.disable_cpu_ep_fallback"] = "1"
    return {
        "threads": {"intra_op_num_threads": setup.threads, "inter_op_num_threads": 1},
        "entries": entries,
        "provider": provider,
        "provider_options": {} if make is None else make(setup, accelerator.device),
        "environment": dict(_ENVIRONMENT.get(provider, {})),
    }


def session_options(setup: SessionOptions) -> Any:
    """ONNX Runtime's SessionOptions as `settings` tells, and silent."""
    import onnxruntime

    told = settings(setup)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for name, count in told["threads"].items():
        setattr(options, name, count)
    for name, value in told["entries"].items():
        options.add_session_config_entry(name, value)
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
