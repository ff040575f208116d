"""The inference engines: one row each, which everything that depends on an engine or its artifact format reads.

A new engine is a new row, the modules that the row names, and recipes in `export/`. The modules may lie in a folder of
their own. They are named, not imported: reading a row loads no engine.

Standard library alone: a board runs this file before edgeall is there.
"""

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal


@dataclass(frozen=True)
class WheelRequirement:
    """The least that an engine's wheel runs with.

    Attributes:
        release: the distribution and version that the figures were read from.
        glibc: of the C library, (major, minor).
        libstdcxx: of GNU's C++ library, the number after `GLIBCXX_`: 3.4.22 is of GCC 6, 3.4.30 of GCC 12.
    """

    release: str
    glibc: tuple[int, ...]
    libstdcxx: tuple[int, ...]


@dataclass(frozen=True)
class Engine:
    """An inference engine and the artifact format that it runs.

    `container`, `runtime`, `exporter` and `tool` are references that `load` resolves.

    Attributes:
        format: name of the artifact format in metadata, recipes, device profiles and file names.
        suffix: of an artifact's file, in lower case with its dot; each engine has its own.
        label: the format in prose.
        title: the engine in prose.
        packages: module that may hold the engine to the distributions that bring it, in the order in which modules
            are tried. Boards get the first distribution of the first module.
        extra: of edgeall's distribution, that installs the engine; None where edgeall itself requires it.
        container: class; an `edgeall.artifact.containers.Container`. Field tier.
        runtime: module; an `edgeall.runtimes.Runtime`. Field tier.
        exporter: module; an `edgeall.exporting.exporter.Exporter`. Workstation tier.
        arithmetic: sentences on the precision that the engine computes in, written into every artifact.
        tool: the engine's own benchmark tool; an `edgeall.benching.external_tools.Tool`. Workstation tier.
        no_tool: why there is none, where `tool` is None.
        kernels: library whose kernels compute, where published latencies name it.
        wheels: machine ("aarch64", "x86_64") to what the first distribution's wheel needs there; a machine that is
            absent is not judged. `edgeall.targets.wheel_requirements` says how the figures are read.
    """

    format: str
    suffix: str
    label: str
    title: str
    packages: dict[str, tuple[str, ...]]
    extra: str | None
    container: str
    runtime: str
    exporter: str
    arithmetic: str
    tool: str | None = None
    no_tool: str = ""
    kernels: str | None = None
    wheels: dict[str, WheelRequirement] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The first module that may hold the engine."""
        return next(iter(self.packages))

    @property
    def distribution(self) -> str:
        """The first distribution of that module."""
        return self.packages[self.module][0]

    @property
    def distributions(self) -> tuple[str, ...]:
        """All of them, whose versions are recorded with results."""
        return tuple(name for names in self.packages.values() for name in names)

    @property
    def file(self) -> str:
        """An artifact's file in prose: its suffix, with the format where the suffix does not name it."""
        return self.suffix if self.suffix == f".{self.format}" else f"{self.label} {self.suffix}"


_ROWS = (
    Engine(
        format="tflite",
        suffix=".tflite",
        label="TFLite",
        title="TensorFlow Lite",
        packages={
            "ai_edge_litert.interpreter": ("ai-edge-litert",),
            "tflite_runtime.interpreter": ("tflite-runtime",),
            "tensorflow.lite.python.interpreter": ("tensorflow", "tensorflow-cpu"),
        },
        extra=None,
        container="edgeall.artifact.containers:TfliteContainer",
        runtime="edgeall.runtimes.tflite",
        exporter="edgeall.exporting.tflite",
        arithmetic="TensorFlow Lite's processor kernels compute in the precision of the file. Delegates for GPUs and "
        "NPUs may compute in float16.",
        tool="edgeall.benching.external_tools:LITERT_BENCHMARK",
        kernels="XNNPACK",
        wheels={
            # Its name says manylinux_2_27.
            "aarch64": WheelRequirement("ai-edge-litert 2.3.0", (2, 34), (3, 4, 30)),
            "x86_64": WheelRequirement("ai-edge-litert 2.3.0", (2, 27), (3, 4, 22)),
        },
    ),
    Engine(
        format="onnx",
        suffix=".onnx",
        label="ONNX",
        title="ONNX Runtime",
        packages={"onnxruntime": ("onnxruntime", "onnxruntime-gpu")},
        extra="onnx",
        container="edgeall.artifact.containers:OnnxContainer",
        runtime="edgeall.runtimes.onnx",
        exporter="edgeall.exporting.onnx",
        arithmetic="ONNX Runtime's CPUExecutionProvider computes in the precision of the file by default. On x86 "
        "processors without VNNI its products of 8-bit integers can saturate, which changes scores of INT8 files: set "
        'the session entry "session.x64quantprecision" to "1" there.',
        no_tool="ONNX Runtime's own tool, onnxruntime_perf_test, is not part of its Python package",
        wheels={
            "aarch64": WheelRequirement("onnxruntime 1.32.0", (2, 28), (3, 4, 22)),
            "x86_64": WheelRequirement("onnxruntime 1.32.0", (2, 28), (3, 4, 22)),
        },
    ),
    Engine(
        format="openvino",
        suffix=".xml",
        label="OpenVINO",
        title="OpenVINO",
        packages={"openvino": ("openvino",)},
        extra="openvino",
        container="edgeall.artifact.containers:OpenVinoContainer",
        runtime="edgeall.runtimes.openvino",
        exporter="edgeall.exporting.openvino",
        arithmetic="OpenVINO computes float32 layers in bfloat16 or float16 by default where the processor can, which "
        'changes scores. Compile with {"INFERENCE_PRECISION_HINT": "f32"}; no entry in the file can ask for that.',
        tool="edgeall.benching.external_tools:BENCHMARK_APP",
        wheels={
            # Its libraries need 2.34, its name says manylinux_2_35; so with 2025.4.1.
            "aarch64": WheelRequirement("openvino 2026.4.1", (2, 35), (3, 4, 30)),
            # Its libraries need 2.27.
            "x86_64": WheelRequirement("openvino 2026.4.1", (2, 28), (3, 4, 22)),
        },
    ),
)

ENGINES: dict[str, Engine] = {engine.format: engine for engine in _ROWS}
"""Artifact format to engine, in the order in which formats are listed."""

BY_SUFFIX: dict[str, Engine] = {engine.suffix: engine for engine in _ROWS}

FORMATS: tuple[str, ...] = tuple(ENGINES)

if TYPE_CHECKING:
    Format = str
else:
    Format = Literal[FORMATS]
"""The type of a format's name: documents that name another one are refused."""


def load(reference: str) -> Any:
    """The module "package.module", or "package.module:name" in one; imported now.

    Raises:
        ImportError: it, or what it imports, is not installed.
    """
    module, _, name = reference.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def in_words(names: list[str], last: str) -> str:
    """A list in prose: "a, b and c" where `last` is "and"."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))


LABELS = in_words([engine.label for engine in _ROWS], "and")
"""The formats in prose."""

FILES = in_words([engine.file for engine in _ROWS], "or")
"""Artifact files in prose."""
