"""What an artifact says of itself: everything that is needed to use it, and where it came from."""

import dataclasses
from dataclasses import field
from typing import Any, Literal, TypedDict, get_args

import numpy as np
import numpy.typing as npt

from edgeall import documents
from edgeall.artifact.domain import Domain
from edgeall.artifact.golden import Golden
from edgeall.artifact.person_cut import PersonCut
from edgeall.artifact.tested import TestFigures
from edgeall.engines import Format
from edgeall.errors import ArtifactError
from edgeall.pixels import PixelMapping
from edgeall.values import dataclass

SCHEMA = 2
"""The highest schema that this edgeall reads. Readers refuse a higher one than theirs and ignore unknown keys.

So a new number is for what an older reader would get wrong by ignoring it: 2 says that the picture becomes a square
in another way than the one of schema 1 (stretched, Pillow's bilinear filter).
"""
Precision = Literal["float32", "float16", "int8"]
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
        if len(set(self.positive)) != len(self.positive):
            raise ValueError(f"positive labels {self.positive} name one twice, which would count twice")
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold {self.threshold} is not within 0 and 1")
        if self.refer is not None and not 0.0 <= self.refer[0] <= self.refer[1] <= 1.0:
            raise ValueError(f"referral band {self.refer} is not an interval within 0 and 1")

    @property
    def positive_indices(self) -> list[int]:
        return [self.labels.index(label) for label in self.positive]

    def scores(self, probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores (n,) of class probabilities (n, classes): sums over the positive labels, in float64.

        Rounding of the probabilities may leave them above 1.
        """
        table = np.asarray(probabilities, dtype=np.float64)
        return np.asarray(table[:, self.positive_indices].sum(axis=1))


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


GateOutcome = Literal["passed", "failed", "unproven"]


@dataclass(frozen=True)
class Noise:
    """How far the float model's own score moves when a picture changes in no way that a reader would see.

    Mean absolute change of the score over validation images.

    Attributes:
        grey_level: each value of each pixel changes by -1, 0 or +1 at random.
        one_pixel: the picture is moved by one pixel.
        jpeg_95: the picture is stored as JPEG of quality 95.
    """

    grey_level: float
    one_pixel: float
    jpeg_95: float


@dataclass(frozen=True)
class ShiftAgreement:
    """Verdicts on pictures unlike those that an INT8 model was calibrated on.

    Attributes:
        name: of the change made to validation images, or of a folder of other pictures.
        n: pictures whose float score is clear of the threshold.
        agreement: share of them with the float model's verdict; None where none is clear.
        own_calibration: the same of the format's own calibration on the same pictures; None where it was not made.
    """

    name: str
    n: int
    agreement: float | None
    own_calibration: float | None = None


@dataclass(frozen=True)
class Parity:
    """Agreement of an artifact, in its own engine, with the Keras model on held-out validation images.

    Differences are of the score (probability of a finding), in [0, 1], and of figures: the artifact's less the Keras
    model's. Verdicts are each model's at its own threshold. Methods were compared, and an INT8 model's threshold and
    temperature chosen, on these same images, so that figures are optimistic: other images show more of a change.

    Attributes:
        agreement: share of equal verdicts.
        passed: true where the images show that every limit of the recipe is kept, false where they show that one is
            not, None where they show neither ("unproven").
        accuracy_delta: None where it was not measured.
        auc_delta: of the area under the ROC curve; None where the images are of one class.
        auc_delta_low, auc_delta_high: its bounds, each one-sided 95 %; in artifacts without an `outcome` a two-sided
            95 % interval.
        class_agreement: share of images with an equal most probable class; this and the next are None for two classes,
            and in artifacts that did not yet measure them.
        class_max_abs_diff, class_mean_abs_diff: differences of the probabilities of single classes, of the class where
            they are largest.
        outcome: `passed` in a word; None in artifacts that did not yet say it.
        reasons: why not passed, a sentence each.
        needed: images that would decide an unproven artifact if others are like these; None where it is not known.
        clear: images whose float score lies outside the referral band, or not within .1 of the threshold.
        clear_agreement: share of equal verdicts among them; None where there are none.
        log_loss_delta, log_loss_delta_low, log_loss_delta_high: of the mean log-loss, with one-sided 95 % bounds.
        over: what bounds are over: "subjects" where each class has 8 or more, else "images".
        noise: the float model's own; None where it was not measured.
        shifts: verdicts on changed and on other pictures; empty for other precisions than INT8.
    """

    n: int
    agreement: float
    max_abs_diff: float
    mean_abs_diff: float
    passed: bool | None
    accuracy_delta: float | None = None
    auc_delta: float | None = None
    auc_delta_low: float | None = None
    auc_delta_high: float | None = None
    class_agreement: float | None = None
    class_max_abs_diff: float | None = None
    class_mean_abs_diff: float | None = None
    outcome: GateOutcome | None = None
    reasons: tuple[str, ...] = ()
    needed: int | None = None
    clear: int | None = None
    clear_agreement: float | None = None
    log_loss_delta: float | None = None
    log_loss_delta_low: float | None = None
    log_loss_delta_high: float | None = None
    over: Literal["subjects", "images"] | None = None
    noise: Noise | None = None
    shifts: tuple[ShiftAgreement, ...] = ()

    @property
    def word(self) -> GateOutcome:
        """The outcome, also of artifacts that only say whether they passed."""
        if self.passed is None:
            return "unproven"
        return "passed" if self.passed else "failed"


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
class TensorInfo:
    """A model's input or output.

    Attributes:
        name: in the model file; "" where it has none.
        shape: with the batch first.
        dtype: NumPy's name of its type.
        scale, zero_point: real = (integer - zero_point) * scale; scale is 0 for float tensors.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"shape {self.shape} is not of positive lengths")


@dataclass(frozen=True)
class Tensors:
    """What a model takes and gives. One output value is a lone sigmoid's; otherwise there is one a label."""

    input: TensorInfo
    output: TensorInfo


@dataclass(frozen=True)
class Metadata:
    """The contract between the workstation and the field half.

    Attributes:
        recipe: the export recipe's content, as data.
        decision: of INT8 the artifact's own: its threshold and referral band are chosen on its own scores.
        parity: None only before it has been measured.
        quantization: of INT8: the `method` that made it, `shared` (the name of the INT8 model that formats of the run
            have in common, if it is of that), and as `fallbacks` the methods that were compared, with their figures.
        calibration: of the probabilities; None where it is not known.
        tensors: the model's input and output, for programs that run it without edgeall; None in artifacts that did not
            yet say it.
        test: figures of the Keras model on test images; None where it was not tested, and in artifacts that did not
            yet say it.
        person_cut: the decision for a whole person; None where it cannot be learned, for the reason `no_person_cut`,
            and in artifacts that did not yet say it.
        domain: what pictures the model was made for; None where its training images are not known or too few, and in
            artifacts that did not yet say it.
        golden: answers by which its engine is checked where it runs; None in artifacts that did not yet have them.
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
    tensors: Tensors | None = None
    test: TestFigures | None = None
    person_cut: PersonCut | None = None
    no_person_cut: str = ""
    domain: Domain | None = None
    golden: Golden | None = None

    @property
    def schema(self) -> int:
        """The lowest schema whose readers understand this metadata."""
        return 1 if (self.pixels.fit, self.pixels.filter) == ("stretch", "bilinear") else 2

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, keys sorted by declaration, `schema` last."""
        return dataclasses.asdict(self) | {"schema": self.schema}

    @classmethod
    def from_dict(cls, document: Any) -> "Metadata":
        """Rebuild from `to_dict`'s output. Unknown keys are ignored; so `to_dict` does not give them back.

        Raises:
            ArtifactError: a key is missing, or a value is of another type or outside its range.
        """
        try:
            schema = documents.build(_MetadataSchema, document)["schema"]
            if schema > SCHEMA:
                raise ArtifactError(newer(schema))
            if schema < 1:
                raise ValueError(f"schema {schema}")
            documents.build(_FreeParts, document)
            metadata = documents.build(cls, document, _NEEDED)
            _check(metadata.pixels)
        except ValueError as error:
            raise ArtifactError(f"its metadata is not edgeall's ({error}): export it again") from None
        return metadata


def _check(pixels: PixelMapping) -> None:
    if not 8 <= pixels.size <= 4096:
        raise ValueError(f"input size {pixels.size}")
    for scale, offset in zip(pixels.scale, pixels.offset, strict=True):
        if abs(offset) > _LARGEST or abs(255 * scale) > _LARGEST:
            raise ValueError(f"scale {scale} and offset {offset} map bytes beyond what float32 holds")


_LARGEST = 1e38
"""Twice that is still a float32."""


def newer(schema: object) -> str:
    """Why metadata of a schema above `SCHEMA` cannot be read."""
    return f"its metadata has schema {schema}, this edgeall reads up to {SCHEMA}: update edgeall"


_NEEDED = ("recipe", "parity", "intended_use", "decision.threshold", "decision.refer")
"""In every artifact since the first, although they have defaults: a threshold that is missing is not one half."""


class _MetadataSchema(TypedDict):
    schema: int


class _Recipe(TypedDict, total=False):
    name: str


class _Fallback(TypedDict, total=False):
    method: str
    measured_in: str
    passed: bool | None
    mean_abs_diff: float
    error: str


class _Quantization(TypedDict, total=False):
    method: str | None
    shared: str | None
    fallbacks: tuple[_Fallback, ...]


class _FreeParts(TypedDict, total=False):
    """What edgeall's own readers take out of the free-form parts; built only to check its types."""

    recipe: _Recipe
    quantization: _Quantization
