"""What an export is to make, as data: one TOML file a target, checked before any work begins."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from edgeall import config_files, documents
from edgeall.artifact import FORMATS, Format, Precision
from edgeall.errors import UsageError
from edgeall.exporting.exporter import exporter
from edgeall.suggestions import unknown_name

Count = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

_SHORT = {"float32": "fp32", "float16": "fp16", "int8": "int8"}


@dataclass(frozen=True)
class CalibrationSettings:
    """Which training images show the quantizer its activation ranges, and how it reads them.

    Attributes:
        images: at most so many, stratified by label.
        method: how ranges follow from observed values; what is allowed depends on the format.
        seed: of the selection.
    """

    images: Count
    method: str
    seed: Seed = 0


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

    images: Count = 600
    epochs: Count = 6
    learning_rate: Annotated[float, Meta(ge=1e-9, le=1)] = 1e-5
    weight_bits: Annotated[int, Meta(ge=7, le=8)] = 7
    seed: Seed = 0


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

    images: Count
    mean_abs_diff: Share | None = None
    max_abs_diff: Share | None = None
    auc_fall: Share | None = None
    auc_fall_bound: Share | None = None
    log_loss_rise: Share | None = None
    agreement: Share | None = None


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
        return parse(str(document["name"]), document)


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of a shipped or user's own name, or in the TOML file at a path.

    Raises:
        UsageError: there is none, or it has a mistake; names file, key and allowed values.
    """
    path = config_files.find("export", name_or_path)
    try:
        document = documents.load(path)
        if "name" in document:
            raise UsageError("name: the file's own name is the recipe's, leave it out")
        return parse(path.stem, document)
    except documents.DocumentError as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from None
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
    if document.get("precision") in ("float32", "float16"):
        for section in ("calibration", "quantization", "fine_tuning"):
            if section in document:
                reason = f'is for precision = "int8" only, and this one is {document["precision"]}'
                raise UsageError(f"[{section}] {reason}")
    try:
        recipe = documents.build(Recipe, {**document, "name": name}, strict=True)
    except documents.DocumentError as error:
        raise UsageError(str(error)) from None
    _check_limits(recipe.parity)
    if recipe.precision != "int8":
        return recipe
    _check_quantization(recipe)
    if recipe.quantization is not None and recipe.quantization.activations == "dynamic":
        reason = 'has nothing to do where activations = "dynamic": leave it out'
        _refuse(recipe, ("calibration", "fine_tuning"), reason)
        return recipe
    return dataclasses.replace(recipe, fine_tuning=recipe.fine_tuning or FineTuning())


def _refuse(recipe: Recipe, sections: Iterable[str], reason: str) -> None:
    for section in sections:
        if getattr(recipe, section) is not None:
            raise UsageError(f"[{section}] {reason}")


def _check_limits(parity: Tolerance) -> None:
    limits = dataclasses.asdict(parity)
    del limits["images"]
    if all(limit is None for limit in limits.values()):
        raise UsageError(f"[parity] has no limit: give one of {', '.join(limits)}")
    if (parity.auc_fall is None) != (parity.auc_fall_bound is None):
        raise UsageError("[parity] auc_fall and auc_fall_bound belong together: give both")


def _check_quantization(recipe: Recipe) -> None:
    """Raise `UsageError` where the format's quantizer lacks something that an INT8 recipe asks for."""
    quantizer = exporter(recipe.format).QUANTIZER
    quantization, calibration = recipe.quantization, recipe.calibration
    if quantizer is None:
        raise UsageError(f'precision = "int8": {recipe.format} has none')
    if quantization is None:
        raise UsageError("section [quantization] is missing")
    if quantization.reduce_range and not quantizer.reduces_range:
        raise UsageError(f"reduce_range: leave it out, {recipe.format} does not saturate")
    words = {key: getattr(quantization, key) for key in ("granularity", "activations", "weights", "boundary")}
    if calibration is not None:
        words["method"] = calibration.method
    elif quantization.activations != "dynamic":
        raise UsageError("section [calibration] is missing")
    for key, word in words.items():
        allowed = getattr(quantizer, key)
        if word not in allowed:
            raise UsageError(f"{unknown_name(key, word, allowed)} (allowed: {', '.join(allowed)})")
