"""What an export is to make, as data: one TOML file a target, checked before any work begins."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from edgeall import shipped
from edgeall.artifact import FORMATS, PRECISIONS, Format, Precision
from edgeall.errors import UsageError
from edgeall.names import unknown_name

_SHORT = {"float32": "fp32", "float16": "fp16", "int8": "int8"}


@dataclass(frozen=True)
class Calibration:
    """Which training images show the quantizer its activation ranges, and how it reads them.

    Attributes:
        images: at most so many, stratified by label.
        method: how ranges follow from observed values; what is allowed depends on the format.
        seed: of the selection.
    """

    images: int
    method: str
    seed: int = 0


@dataclass(frozen=True)
class Quantization:
    """Number types inside an INT8 model.

    Attributes:
        granularity: one weight scale a "channel" or a "tensor". Activations have one a tensor.
        activations, weights: "int8" or "uint8".
        reduce_range: weights use 7 of 8 bits, so that products cannot saturate in the 16-bit sums of x86-64 CPUs
            without VNNI.
    """

    granularity: str
    activations: str
    weights: str
    reduce_range: bool = False


@dataclass(frozen=True)
class Tolerance:
    """What parity with the Keras model must keep; differences are of the score, in [0, 1].

    Attributes:
        images: validation images at most, stratified by label.
        mean_abs_diff, max_abs_diff: limits; None for no limit.
        agreement: least share of equal decisions; None for no limit.
    """

    images: int
    mean_abs_diff: float
    max_abs_diff: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Recipe:
    """One export target. `calibration` and `quantization` are there for INT8 and for nothing else."""

    name: str
    format: Format
    precision: Precision
    parity: Tolerance
    calibration: Calibration | None = None
    quantization: Quantization | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. Sections that a precision has no use for are absent."""
        document = dataclasses.asdict(self)
        return {key: value for key, value in document.items() if value is not None}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Recipe":
        """Rebuild from `to_dict`'s output."""
        rest = dict(document)
        return parse(str(rest.pop("name")), rest)


_WEIGHTS: dict[str, tuple[str, ...]] = {"granularity": ("channel", "tensor"), "weights": ("int8",)}
CHOICES: dict[Format, dict[str, tuple[str, ...]]] = {
    "tflite": {"method": ("min-max",), "activations": ("int8",), **_WEIGHTS},
    "onnx": {"method": ("min-max", "entropy", "percentile"), "activations": ("uint8", "int8"), **_WEIGHTS},
    "openvino": {"method": ("mean-min-max", "min-max"), "activations": ("uint8",), **_WEIGHTS},
}
"""Values that each format's quantizer knows, by recipe key."""

REDUCES_RANGE: tuple[Format, ...] = ("onnx", "openvino")
"""Formats whose engines multiply in 8 bits with 16-bit sums; TFLite's do not saturate."""


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of a shipped or user's own name, or in the TOML file at a path.

    Raises:
        UsageError: there is none, or it says something that cannot be; names file, key and allowed values.
    """
    path = shipped.find("export", name_or_path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from None
    try:
        return parse(path.stem, document)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def choose(formats: Iterable[str], precisions: Iterable[Precision]) -> list[Recipe]:
    """The default recipes for formats and precisions, formats in the order given.

    Raises:
        UsageError: unknown format.
    """
    wanted = list(dict.fromkeys(formats))
    for name in wanted:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    kinds = list(precisions)
    return [load_recipe(f"{name}-{_SHORT[precision]}") for name in wanted for precision in kinds]


def parse(name: str, document: Mapping[str, Any]) -> Recipe:
    """A recipe from its TOML content.

    Raises:
        UsageError: names the key and the allowed values.
    """
    _check_keys("recipe", document, ("format", "precision", "calibration", "quantization", "parity"))
    format = cast(Format, _word(document, "format", FORMATS))
    precision = cast(Precision, _word(document, "precision", PRECISIONS))
    sections = ("calibration", "quantization")
    if precision != "int8":
        for section in sections:
            if section in document:
                raise UsageError(f'[{section}] is for precision = "int8" only, and this one is {precision}')
        return Recipe(name, format, precision, _tolerance(_section(document, "parity")))
    return Recipe(
        name,
        format,
        precision,
        parity=_tolerance(_section(document, "parity")),
        calibration=_calibration(_section(document, "calibration"), CHOICES[format]),
        quantization=_quantization(_section(document, "quantization"), format),
    )


def _calibration(section: Mapping[str, Any], choices: Mapping[str, tuple[str, ...]]) -> Calibration:
    _check_keys("calibration", section, ("images", "method", "seed"))
    return Calibration(
        images=_whole(section, "images", least=1),
        method=_word(section, "method", choices["method"]),
        seed=_whole(section, "seed", least=0, default=0),
    )


def _quantization(section: Mapping[str, Any], format: Format) -> Quantization:
    _check_keys("quantization", section, ("granularity", "activations", "weights", "reduce_range"))
    reduce_range = section.get("reduce_range", False)
    if not isinstance(reduce_range, bool):
        raise UsageError(f"reduce_range = {reduce_range!r}: true or false")
    if reduce_range and format not in REDUCES_RANGE:
        raise UsageError(
            f"reduce_range is for {' and '.join(REDUCES_RANGE)} only: {format} does not saturate"
        )
    choices = CHOICES[format]
    return Quantization(
        granularity=_word(section, "granularity", choices["granularity"]),
        activations=_word(section, "activations", choices["activations"]),
        weights=_word(section, "weights", choices["weights"]),
        reduce_range=reduce_range,
    )


def _tolerance(section: Mapping[str, Any]) -> Tolerance:
    _check_keys("parity", section, ("images", "mean_abs_diff", "max_abs_diff", "agreement"))
    mean = _share(section, "mean_abs_diff")
    if mean is None:
        raise UsageError("mean_abs_diff is missing from [parity]: a number from 0 to 1")
    return Tolerance(
        images=_whole(section, "images", least=1),
        mean_abs_diff=mean,
        max_abs_diff=_share(section, "max_abs_diff"),
        agreement=_share(section, "agreement"),
    )


def _check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in given:
        if key not in (allowed := list(known)):
            raise unknown_name(f"key in {where}", str(key), allowed)


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name)
    if not isinstance(section, dict):
        raise UsageError(f"section [{name}] is missing")
    return section


def _word(section: Mapping[str, Any], key: str, allowed: Iterable[str]) -> str:
    words = list(allowed)
    value = section.get(key)
    if value is None:
        raise UsageError(f"{key} is missing: one of {', '.join(words)}")
    if value not in words:
        error = unknown_name(key, str(value), words)
        raise UsageError(f"{error} (allowed: {', '.join(words)})")
    return str(value)


def _whole(section: Mapping[str, Any], key: str, least: int, default: int | None = None) -> int:
    value = section.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{key} = {value!r}: a whole number from {least} up")
    return value


def _share(section: Mapping[str, Any], key: str) -> float | None:
    value = section.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise UsageError(f"{key} = {value!r}: a number from 0 to 1")
    return float(value)
