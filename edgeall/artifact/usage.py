"""How to use an artifact without edgeall, in plain sentences: the one place where the rule is put into words.

The sentences follow from the typed metadata alone, so the same artifact always gets the same ones. `seal` writes them
into the file as the key `usage`, for readers of other programs; edgeall itself follows the typed values and renders the
sentences anew.
"""

from edgeall.artifact.metadata import Decision, Metadata, TensorInfo
from edgeall.engines import ENGINES
from edgeall.pixels import Filter, Fit, PixelMapping

USAGE = "usage"
"""Key of the sentences in an artifact's document."""

_ANTIALIASED: dict[Filter, str] = {
    "bilinear": "BILINEAR",
    "bicubic": "BICUBIC",
    "lanczos": "LANCZOS",
    "box": "BOX",
}
"""Names in Pillow's `Image.Resampling`."""

_SQUARES: dict[Fit, str] = {
    "stretch": "Resize the whole picture to {size} x {size} pixels, whatever its aspect ratio",
    "crop": (
        "Cut out its largest centred square: side = min(width, height), left = (width - side) // 2, "
        "top = (height - side) // 2; with Pillow: image.crop((left, top, left + side, top + side)). "
        "Resize that to {size} x {size} pixels"
    ),
    "letterbox": (
        "Paste it on a black square of side = max(width, height) at left = (side - width) // 2, "
        "top = (side - height) // 2. Resize that to {size} x {size} pixels, the height before the "
        "width where the picture is higher than wide"
    ),
}
"""What each fit does."""

_LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def rule(metadata: Metadata) -> dict[str, str]:
    """The steps from a picture file to a verdict, in order: name of the step, and what it does in sentences.

    Steps: decode, resize, input, output, verdict, engine.
    """
    return {
        "decode": _decode(metadata.pixels),
        "resize": _resize(metadata.pixels),
        "input": _input(metadata),
        "output": _output(metadata),
        "verdict": _verdict(metadata.decision),
        "engine": _engine(metadata),
    }


def description(metadata: Metadata) -> str:
    """What the model is and how to use it, on one line: for the description fields that each format has."""
    made, labels = metadata.provenance, ", ".join(metadata.decision.labels)
    steps = " ".join(f"{step.upper()}: {words}" for step, words in rule(metadata).items())
    return f"{made.backbone}, head {made.head}, {metadata.precision}. Labels: {labels}. {metadata.intended_use} {steps}"


def _decode(pixels: PixelMapping) -> str:
    least = 2 * pixels.size
    jpeg = (
        f"Decode a JPEG at the smallest of the scales 1/1, 1/2, 1/4 and 1/8 that leaves both sides at least {least} "
        f'pixels long (Pillow: image.draft("RGB", ({least}, {least})) before anything else).'
        if pixels.resize.antialiased
        else "Decode a JPEG at full size."
    )
    return (
        f"{jpeg} Turn the picture as its EXIF orientation says (ImageOps.exif_transpose). "
        "Lay transparent pixels on white, but ignore an alpha channel that is 0 everywhere. "
        "Convert to 8-bit RGB; if the file has an ICC profile, to sRGB."
    )


def _resize(pixels: PixelMapping) -> str:
    size = pixels.size
    words = _SQUARES[pixels.fit].format(size=size)
    if pixels.filter == "nearest":
        how = (
            f"Row i of the result is row ((2 * i + 1) * height) // (2 * {size}), and columns likewise "
            '(tf.image.resize with method="nearest"). This filter reads one pixel for each result.'
        )
    elif pixels.filter == "bilinear-no-antialias":
        how = (
            f"With Pillow: image.transform(({size}, {size}), Image.Transform.EXTENT, (0, 0, *image.size), "
            "Image.Resampling.BILINEAR), or cv2.resize with INTER_LINEAR: equal to 1 of 255. "
            "This filter reads four pixels for each result and does not antialias."
        )
    else:
        how = (
            f"With Pillow: image.resize(({size}, {size}), Image.Resampling.{_ANTIALIASED[pixels.filter]}). "
            "This filter antialiases. cv2.resize with INTER_LINEAR, and tf.image.resize and "
            "torch.nn.functional.interpolate by default, do not, and lead to other scores."
        )
    return f"{words}. {how}"


def _input(metadata: Metadata) -> str:
    pixels, tensors = metadata.pixels, metadata.tensors
    size, order = pixels.size, pixels.channel_order
    words = (
        f"Put the channels in the order {order}. value = byte * scale + offset, computed in float64, with "
        f"{_affine(pixels)}. The input is one tensor of shape 1 x {size} x {size} x 3: batch, height, width, channel "
        "(NHWC)."
    )
    if tensors is None:
        return f"{words} If its type is an integer: {_quantized('its scale', 'its zero point', '')}."
    info = tensors.input
    named = f' Its name is "{info.name}".' if info.name else ""
    if info.dtype in _LIMITS and info.scale:
        low, high = _LIMITS[info.dtype]
        limits = f", limited to {low} to {high}"
        return f"{words}{named} Its type is {info.dtype}: {_quantized(repr(info.scale), info.zero_point, limits)}."
    return f"{words}{named} Its type is {info.dtype}."


def _affine(pixels: PixelMapping) -> str:
    pairs = list(zip(pixels.scale, pixels.offset, strict=True))
    if len(set(pairs)) == 1:
        return f"scale {pairs[0][0]!r} and offset {pairs[0][1]!r} for each channel"
    each = (
        f"scale {scale!r} and offset {offset!r} for {channel}"
        for channel, (scale, offset) in zip(pixels.channel_order, pairs, strict=True)
    )
    return ", ".join(each)


def _quantized(scale: str, zero_point: object, limits: str) -> str:
    return f"write round(value / {scale}) + {zero_point}, halves to even{limits}"


def _output(metadata: Metadata) -> str:
    tensors, labels = metadata.tensors, metadata.decision.labels
    lone = f'the probability of "{labels[-1]}", the second label; that of "{labels[0]}" is 1 less that value'
    each = f"the probabilities of {', '.join(labels)}, in this order"
    if tensors is None:
        counts = f"One value is {lone}; two are {each}" if len(labels) == 2 else f"Its values are {each}"
        return (
            f"{counts}. If the output's type is an integer: probability = (value - zero point) * scale. "
            f"{_calibrated(metadata)}"
        )
    info = tensors.output
    named = f' Its name is "{info.name}".' if info.name else ""
    return (
        f"The output is one tensor of shape {' x '.join(map(str, info.shape))}, type {info.dtype}.{named} "
        f"It holds {lone if info.shape[-1] == 1 else each}.{_dequantized(info)} {_calibrated(metadata)}"
    )


def _dequantized(info: TensorInfo) -> str:
    if not info.scale:
        return ""
    return f" probability = (value - {info.zero_point}) * {info.scale!r}."


def _calibrated(metadata: Metadata) -> str:
    calibration = metadata.calibration
    if calibration is None:
        return "It is not known whether the probabilities are calibrated."
    if calibration.method == "none":
        return "The probabilities are not calibrated."
    return f"The probabilities are calibrated ({calibration.method}); this is in the weights, nothing is left to apply."


def _verdict(decision: Decision) -> str:
    positive = [f'"{label}"' for label in decision.positive]
    score = (
        f"the probability of {positive[0]}"
        if len(positive) == 1
        else f"the sum of the probabilities of {', '.join(positive[:-1])} and {positive[-1]}"
    )
    threshold = f"the verdict is positive if score >= {decision.threshold!r}, otherwise negative"
    if decision.refer is None:
        return f"score = {score}; {threshold}."
    low, high = decision.refer
    return f"score = {score}. If {low!r} <= score < {high!r}, a human decides; else {threshold}."


def _engine(metadata: Metadata) -> str:
    return ENGINES[metadata.format].arithmetic
