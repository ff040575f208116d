"""The peers as data: a row each."""

from dataclasses import dataclass, field
from pathlib import Path

from edgeall.artifact import Format

FOLDER = Path(__file__).parent
MINUTES = 15
"""Longest time that a peer may take for a model, in minutes."""


@dataclass(frozen=True)
class Peer:
    """A tool that makes an INT8 model of a float one.

    Attributes:
        name: of its files.
        title: what tables call it.
        script: in `scripts/`; run by the environment's Python with the path of a task.
        formats: of the models that it is asked for. All of a tool that makes none of edgeall's formats, so that its
            refusal is recorded.
        requirements: file in `requirements/`, with pinned packages; several peers may share an environment.
        default: it is its vendor's quantizer with nothing but calibration images given.
        minutes: its time limit.
        options: of the task, for scripts that make several kinds of models.
    """

    name: str
    title: str
    script: str
    formats: tuple[Format, ...]
    requirements: str
    default: bool = False
    minutes: float = MINUTES
    options: dict[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> Path:
        return FOLDER / "requirements" / f"{self.requirements}.txt"

    @property
    def environment(self) -> tuple[str, tuple[str, ...]]:
        """Name and requirements, as of `bench.environments.provide`."""
        return self.requirements, tuple(self.pinned.read_text(encoding="utf-8").split())

    @property
    def program(self) -> Path:
        return FOLDER / "scripts" / self.script


PEERS = (
    Peer(
        "tflite-converter",
        "TFLiteConverter",
        "tflite_converter.py",
        ("tflite",),
        "tflite-converter",
        default=True,
    ),
    Peer("ai-edge-quantizer", "ai-edge-quantizer", "ai_edge_static.py", ("tflite",), "ai-edge-quantizer"),
    Peer("quantize-static", "quantize_static", "quantize_static.py", ("onnx",), "onnxruntime", default=True),
    Peer(
        "quantize-static-u8s8",
        "quantize_static, prepared, u8/s8 per channel",
        "quantize_static.py",
        ("onnx",),
        "onnxruntime",
        options={"kind": "u8s8"},
    ),
    Peer("nncf-onnx", "nncf.quantize of ONNX", "nncf_quantize.py", ("onnx",), "nncf"),
    Peer("nncf", "nncf.quantize", "nncf_quantize.py", ("openvino",), "nncf", default=True),
    Peer(
        "nncf-accuracy",
        "nncf.quantize_with_accuracy_control",
        "nncf_accuracy_control.py",
        ("openvino",),
        "nncf",
        minutes=10,
    ),
    Peer("olive", "Olive", "olive_static.py", ("onnx",), "olive"),
    Peer("inc", "Intel Neural Compressor 2.6", "inc_onnx.py", ("onnx",), "inc"),
    Peer("inc-ort", "onnx-neural-compressor 1.0", "inc_ort.py", ("onnx",), "inc-ort"),
    Peer("inc-keras", "Intel Neural Compressor 3.10", "inc_keras.py", ("tflite",), "inc-keras"),
    Peer(
        "ultralytics",
        "Ultralytics export",
        "ultralytics_export.py",
        ("tflite", "onnx", "openvino"),
        "ultralytics",
    ),
    Peer("anneal", "Anneal", "anneal_advice.py", ("onnx",), "anneal"),
)


def peers_of(format: Format, defaults: bool = False) -> tuple[Peer, ...]:
    """Those that are asked for a format; with `defaults`, vendors' defaults alone."""
    return tuple(peer for peer in PEERS if format in peer.formats and (peer.default or not defaults))
