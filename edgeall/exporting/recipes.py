"""What an export is to make, as data: one TOML file a target, checked before any work begins."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from edgeall import config_files
from edgeall.artifact import FORMATS, PRECISIONS, Format, Precision
from edgeall.errors import UsageError
from edgeall.exporting.exporter import Quantizer, exporter
from edgeall.exporting.toml_values import check_keys, number, section_of, share, whole, word
from edgeall.suggestions import unknown_name

_SHORT = {"float32": "fp32", "float16": "fp16", "int8": "int8"}


@dataclass(frozen=True)
class CalibrationSettings:
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
        activations, weights: "int8" or "uint8"; activations "dynamic" are float32 between operators, each of which
            rounds what it reads by the range it finds there.
        reduce_range: weights use 7 of 8 bits, so that products cannot saturate in the 16-bit sums of x86-64 CPUs
            without VNNI.
        boundary: type of the model's input and output.
    """

    granularity: str
    activations: str
    weights: str
    reduce_range: bool = False
    boundary: str = "float32"


@dataclass(frozen=True)
class FineTuning:
    """How the shared INT8 model is rounded and, where that is not enough, trained; see `edgeall.exporting.int8`.

    Attributes:
        images: training images at most, stratified by label.
        weight_bits: of convolutions and dense layers, in every method of the shared model; depthwise ones have 8.
    """

    images: int = 600
    epochs: int = 6
    learning_rate: float = 1e-5
    weight_bits: int = 7
    seed: int = 0


@dataclass(frozen=True)
class Tolerance:
    """What parity with the Keras model must keep; a limit that is None is not asked for.

    Attributes:
        images: validation images at most, stratified by label.
        mean_abs_diff, max_abs_diff: of the change of a probability, in [0, 1]. For float32, which is the same model.
        auc_fall: how far the area under the ROC curve may fall, as measured.
        auc_fall_bound: a fall that the images must exclude (one-sided, 95 %). Given with `auc_fall`.
        log_loss_rise: a rise of the mean log-loss that the images must exclude (one-sided, 95 %).
        agreement: least share of equal verdicts on images whose score is clear of the threshold.
    """

    images: int
    mean_abs_diff: float | None = None
    max_abs_diff: float | None = None
    auc_fall: float | None = None
    auc_fall_bound: float | None = None
    log_loss_rise: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Recipe:
    """One export target. What follows `parity` is there for INT8 and for nothing else.

    Attributes:
        calibration: None also where activations are "dynamic".
        fine_tuning: of the INT8 model that formats share; None where activations are "dynamic".
    """

    name: str
    format: Format
    precision: Precision
    parity: Tolerance
    calibration: CalibrationSettings | None = None
    quantization: Quantization | None = None
    fine_tuning: FineTuning | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. Sections that a precision has no use for, and limits that are not asked for, are absent."""
        document = dataclasses.asdict(self)
        document["parity"] = {key: value for key, value in document["parity"].items() if value is not None}
        return {key: value for key, value in document.items() if value is not None}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Recipe":
        """Rebuild from `to_dict`'s output."""
        rest = dict(document)
        return parse(str(rest.pop("name")), rest)


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of a shipped or user's own name, or in the TOML file at a path.

    Raises:
        UsageError: there is none, or it says something that cannot be; names file, key and allowed values.
    """
    path = config_files.find("export", name_or_path)
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

    Where some formats have a recipe of a precision, those that have none are left out of it.

    Raises:
        UsageError: unknown format, or a precision that none of the formats has.
    """
    wanted = list(dict.fromkeys(formats))
    for name in wanted:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    known = config_files.available("export")
    kinds = tuple(precisions)
    asked = [(f"{name}-{_SHORT[precision]}", precision) for name in wanted for precision in kinds]
    offered = {precision for name, precision in asked if name in known}
    return [load_recipe(name) for name, precision in asked if name in known or precision not in offered]


def parse(name: str, document: Mapping[str, Any]) -> Recipe:
    """A recipe from its TOML content.

    Raises:
        UsageError: names the key and the allowed values.
    """
    if "fallbacks" in document:
        raise UsageError("fallbacks: every INT8 method is compared now, leave it out")
    check_keys(
        "recipe",
        document,
        ("format", "precision", "calibration", "quantization", "fine_tuning", "parity"),
    )
    format = word(document, "format", FORMATS)
    precision = cast(Precision, word(document, "precision", PRECISIONS))
    parity = _tolerance(section_of(document, "parity"))
    if precision != "int8":
        for key in ("calibration", "quantization", "fine_tuning"):
            if key in document:
                raise UsageError(f'[{key}] is for precision = "int8" only, and this one is {precision}')
        return Recipe(name, format, precision, parity)
    quantizer = exporter(format).QUANTIZER
    if quantizer is None:
        raise UsageError(f'precision = "int8": {format} has none')
    quantization = _quantization(section_of(document, "quantization"), format, quantizer)
    if quantization.activations == "dynamic":
        for key in ("calibration", "fine_tuning"):
            if key in document:
                raise UsageError(f'{key} has nothing to do where activations = "dynamic": leave it out')
        return Recipe(name, format, precision, parity, quantization=quantization)
    return Recipe(
        name,
        format,
        precision,
        parity,
        calibration=_calibration(section_of(document, "calibration"), quantizer),
        quantization=quantization,
        fine_tuning=_fine_tuning(document.get("fine_tuning", {})),
    )


def _calibration(section: Mapping[str, Any], quantizer: Quantizer) -> CalibrationSettings:
    check_keys("calibration", section, ("images", "method", "seed"))
    return CalibrationSettings(
        images=whole(section, "images", least=1),
        method=word(section, "method", quantizer.method),
        seed=whole(section, "seed", least=0, default=0),
    )


def _quantization(section: Mapping[str, Any], format: Format, quantizer: Quantizer) -> Quantization:
    check_keys("quantization", section, ("granularity", "activations", "weights", "reduce_range", "boundary"))
    reduce_range = section.get("reduce_range", False)
    if not isinstance(reduce_range, bool):
        raise UsageError(f"reduce_range = {reduce_range!r}: true or false")
    if reduce_range and not quantizer.reduces_range:
        raise UsageError(f"reduce_range: leave it out, {format} does not saturate")
    return Quantization(
        granularity=word(section, "granularity", quantizer.granularity),
        activations=word(section, "activations", quantizer.activations),
        weights=word(section, "weights", quantizer.weights),
        reduce_range=reduce_range,
        boundary=word(section, "boundary", quantizer.boundary, default="float32"),
    )


def _fine_tuning(section: Any) -> FineTuning:
    if not isinstance(section, dict):
        raise UsageError(f"fine_tuning = {section!r}: a section, [fine_tuning]")
    default = FineTuning()
    check_keys("fine_tuning", section, vars(default))
    bits = whole(section, "weight_bits", least=7, default=default.weight_bits)
    if bits > 8:
        raise UsageError(f"weight_bits = {bits}: 7 or 8")
    return FineTuning(
        images=whole(section, "images", least=1, default=default.images),
        epochs=whole(section, "epochs", least=1, default=default.epochs),
        learning_rate=number(section, "learning_rate", 1e-9, 1.0, default.learning_rate),
        weight_bits=bits,
        seed=whole(section, "seed", least=0, default=default.seed),
    )


_LIMITS = ("mean_abs_diff", "max_abs_diff", "auc_fall", "auc_fall_bound", "log_loss_rise", "agreement")


def _tolerance(section: Mapping[str, Any]) -> Tolerance:
    check_keys("parity", section, ("images", *_LIMITS))
    limits = {key: share(section, key) for key in _LIMITS}
    if all(limit is None for limit in limits.values()):
        raise UsageError(f"[parity] has no limit: give one of {', '.join(_LIMITS)}")
    if (limits["auc_fall"] is None) != (limits["auc_fall_bound"] is None):
        raise UsageError("[parity] auc_fall and auc_fall_bound belong together: give both")
    return Tolerance(images=whole(section, "images", least=1), **limits)
