"""What an artifact says of itself: everything that is needed to use it, and where it came from."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from edgeall.errors import ArtifactError
from edgeall.pixels import FILTERS, FITS, PixelMapping

T = TypeVar("T")

SCHEMA = 1
Format = Literal["tflite", "onnx", "openvino"]
Precision = Literal["float32", "float16", "int8"]
FORMATS: tuple[Format, ...] = get_args(Format)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

INTENDED_USE = "Research use only. Not a medical device; not for diagnosis without a qualified reader."


@dataclass(frozen=True)
class Decision:
    """How class probabilities become a verdict.

    Attributes:
        labels: class names; index i is the model's output i (a lone sigmoid output is the second of two).
        positive: the labels that make a finding; their probabilities add up to the score.
        threshold: score in [0, 1] from which the verdict is positive.
        refer: scores in [low, high) go to a human instead of a verdict; None for no such band.
    """

    labels: tuple[str, ...]
    positive: tuple[str, ...]
    threshold: float = 0.5
    refer: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"at least two different labels are needed, not {self.labels}")
        if not all(label.isprintable() and label.strip() for label in self.labels):
            raise ValueError(f"labels {self.labels} must be of printable characters")
        if not self.positive or not set(self.positive) < set(self.labels):
            raise ValueError(f"positive labels {self.positive} must be some, not all, of {self.labels}")
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold {self.threshold} is not within 0 and 1")
        if self.refer is not None and not 0.0 <= self.refer[0] <= self.refer[1] <= 1.0:
            raise ValueError(f"referral band {self.refer} is not an interval within 0 and 1")

    @property
    def positive_indices(self) -> list[int]:
        return [self.labels.index(label) for label in self.positive]


@dataclass(frozen=True)
class Calibration:
    """What training did to the probabilities, on validation images. It is in the weights: nothing is left to apply.

    Attributes:
        method: "temperature", "platt" or "none".
        scale, offset: the last layer's logits became scale * logit + offset.
        n: validation images that they were fitted on.
    """

    method: str
    scale: float
    offset: float
    n: int

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Calibration":
        """Of a run's or an artifact's document; raises KeyError, TypeError or ValueError where it is none."""
        scale, offset = float(document["scale"]), float(document["offset"])
        if not (math.isfinite(scale) and math.isfinite(offset)):
            raise ValueError(f"calibration {scale}, {offset} is not finite")
        return cls(str(document["method"]), scale, offset, int(document["n"]))


@dataclass(frozen=True)
class Parity:
    """Agreement of an artifact, in its own engine, with the Keras model on held-out validation images.

    Differences are of the score (probability of a finding), in [0, 1]; `agreement` is the share of equal decisions.
    Where several methods were tried to make the artifact (`Metadata.quantization`), the one that is near enough was
    selected on these same images, so that its figures are optimistic: other images show more of a change.

    Attributes:
        passed: whether the recipe's limits are kept. A limit on the AUC is no limit where the images are of one class.
        accuracy_delta: accuracy of the artifact less that of the Keras model; None where it was not measured.
        auc_delta, auc_delta_low, auc_delta_high: the same of the area under the ROC curve, and its 95% interval;
            None where the images are of one class.
        class_agreement: share of images with an equal most probable class; this and the next are None for two classes,
            and in artifacts that did not yet measure them.
        class_max_abs_diff, class_mean_abs_diff: differences of the probabilities of single classes, of the class where
            they are largest.
    """

    n: int
    agreement: float
    max_abs_diff: float
    mean_abs_diff: float
    passed: bool
    accuracy_delta: float | None = None
    auc_delta: float | None = None
    auc_delta_low: float | None = None
    auc_delta_high: float | None = None
    class_agreement: float | None = None
    class_max_abs_diff: float | None = None
    class_mean_abs_diff: float | None = None


@dataclass(frozen=True)
class Provenance:
    """Where an artifact came from.

    Attributes:
        run: name of the run.
        backbone, head: as in `edgeall backbones`.
        weights: what training started from, in words a reader of an accuracy figure needs.
        data: name of the training set's layout.
        data_fingerprint: SHA-256 over the names and hashes of the training images; "unknown:" and the SHA-256 of the
            imported model file where they are not known.
        licence: of the model's weights, as far as edgeall knows it.
        versions: libraries that trained and converted the model.
        model_sha256: of the Keras model file whose weights these are; empty in artifacts that did not yet say it.
    """

    run: str
    backbone: str
    head: str
    weights: str
    data: str
    data_fingerprint: str
    licence: str
    versions: dict[str, str] = field(default_factory=dict)
    model_sha256: str = ""


@dataclass(frozen=True)
class Metadata:
    """The contract between the workstation and the field half.

    Attributes:
        recipe: the export recipe's content, as data.
        parity: None only before it has been measured.
        quantization: of INT8, and of float16 that needed a fallback: the `method` that made it, `shared` (the name of
            the INT8 model that formats of the run have in common, if it is of that), and the `fallbacks` that were
            tried with their measured effect.
        calibration: of the probabilities; None where it is not known.
    """

    format: Format
    precision: Precision
    pixels: PixelMapping
    decision: Decision
    provenance: Provenance
    recipe: dict[str, Any] = field(default_factory=dict)
    parity: Parity | None = None
    quantization: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    intended_use: str = INTENDED_USE
    schema: int = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, keys sorted by declaration."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> "Metadata":
        """Rebuild from `to_dict`'s output.

        Raises:
            ArtifactError: a key is missing, or a value is outside its range.
        """
        try:
            if document["schema"] != SCHEMA:
                raise ArtifactError(
                    f"its metadata has schema {document['schema']}, this edgeall reads {SCHEMA}: update edgeall"
                )
            return cls(
                format=_one_of(document["format"], FORMATS),
                precision=_one_of(document["precision"], PRECISIONS),
                pixels=_pixels(document["pixels"]),
                decision=_decision(document["decision"]),
                provenance=Provenance(**document["provenance"]),
                recipe=dict(document["recipe"]),
                parity=None if document["parity"] is None else Parity(**document["parity"]),
                # Older artifacts have neither of these two.
                quantization=dict(document.get("quantization", {})),
                calibration=_calibration(document.get("calibration")),
                intended_use=str(document["intended_use"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ArtifactError(f"its metadata is not edgeall's ({error!r}): export it again") from None


def _one_of(value: Any, allowed: tuple[T, ...]) -> T:
    if value not in allowed:
        raise ValueError(f"{value!r} is not one of {allowed}")
    return allowed[allowed.index(value)]


def _pixels(document: dict[str, Any]) -> PixelMapping:
    size = int(document["size"])
    if not 8 <= size <= 4096:
        raise ValueError(f"input size {size}")
    return PixelMapping(
        size=size,
        channel_order=_one_of(document["channel_order"], ("RGB", "BGR")),
        scale=_three_numbers(document["scale"]),
        offset=_three_numbers(document["offset"]),
        # Artifacts that do not say are of the time when there was one way.
        fit=_one_of(document.get("fit", "stretch"), FITS),
        filter=_one_of(document.get("filter", "bilinear"), FILTERS),
    )


def _three_numbers(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    if not all(map(math.isfinite, (red, green, blue))):
        raise ValueError(f"{values} are not finite")
    return red, green, blue


def _calibration(document: dict[str, Any] | None) -> Calibration | None:
    return None if document is None else Calibration.from_dict(document)


def _decision(document: dict[str, Any]) -> Decision:
    band = document["refer"]
    return Decision(
        labels=tuple(map(str, document["labels"])),
        positive=tuple(map(str, document["positive"])),
        threshold=float(document["threshold"]),
        refer=None if band is None else (float(band[0]), float(band[1])),
    )
