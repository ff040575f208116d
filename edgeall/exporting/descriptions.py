"""The description fields that each format's own viewers and tools show, filled before the artifact is sealed.

They repeat what edgeall's metadata says, in the words of `edgeall.artifact.usage`, so that users of other tools can
prepare a picture alike. Same metadata, same bytes.
"""

from collections.abc import Callable
from pathlib import Path

from edgeall import __version__
from edgeall.artifact import Format, Metadata, usage
from edgeall.artifact.containers import rt_info_element, with_rt_info
from edgeall.exporting import tflite_metadata
from edgeall.pixels import Fit

_RESIZE_TYPES: dict[Fit, str] = {
    "stretch": "standard",
    "crop": "crop",
    "letterbox": "fit_to_window_letterbox",
}
"""Names of OpenVINO Model API for the geometry. None of its filters antialiases, so no filter is named."""


def add(path: Path, metadata: Metadata) -> None:
    """Fill the description fields of the bare model at `path`, in place.

    Raises:
        ExportError: a TFLite model has such fields already, or cannot be given them.
    """
    _WRITERS[metadata.format](path, metadata)


def _onnx(path: Path, metadata: Metadata) -> None:
    """Producer, and descriptions of model, input and output; tensors stay as they are."""
    import onnx

    steps, model = usage.rule(metadata), onnx.load(path)
    model.producer_name, model.producer_version = "edgeall", __version__
    model.doc_string = usage.description(metadata)
    model.graph.input[0].doc_string = f"{steps['decode']} {steps['resize']} {steps['input']}"
    model.graph.output[0].doc_string = f"{steps['output']} {steps['verdict']}"
    onnx.save(model, path)


def _openvino(path: Path, metadata: Metadata) -> None:
    """`description`, and the `model_info` that OpenVINO Model API and DL Streamer read, in the model's rt_info.

    https://github.com/open-edge-platform/model_api/blob/master/docs/source/guides/model-configuration.md

    Only what is true in their terms: no threshold, which theirs is not; type and labels only of models with a value a
    label, because Model API takes the one value of a lone sigmoid for the first label with a probability of 1; labels
    only without spaces, which separate them there.
    """
    pixels, labels, tensors = metadata.pixels, metadata.decision.labels, metadata.tensors
    info = {
        "resize_type": _RESIZE_TYPES[pixels.fit],
        "pad_value": "0",
        # Its pictures are BGR, as OpenCV reads them.
        "reverse_input_channels": str(pixels.channel_order == "RGB"),
        "mean_values": " ".join(
            repr(-offset / scale) for scale, offset in zip(pixels.scale, pixels.offset, strict=True)
        ),
        "scale_values": " ".join(repr(1 / scale) for scale in pixels.scale),
    }
    if tensors is not None and tensors.output.shape[-1] == len(labels):
        info["model_type"] = "Classification"
        if not any(character.isspace() for label in labels for character in label):
            info["labels"] = " ".join(labels)
    entries = b"".join(rt_info_element(name, value) for name, value in sorted(info.items()))
    graph = path.read_bytes()
    for element in (
        rt_info_element("description", usage.description(metadata)),
        b"<model_info>" + entries + b"</model_info>",
    ):
        graph = with_rt_info(graph, element)
    path.write_bytes(graph)


_WRITERS: dict[Format, Callable[[Path, Metadata], None]] = {
    "tflite": tflite_metadata.add,
    "onnx": _onnx,
    "openvino": _openvino,
}
