"""How much a model's score changes under disturbances that are invisible to a pathologist. Imports no engine.

The float model's own changes are the baseline for those by an export: where a score changes by .07 when each grey level
changes by one, no quantization can keep it within .02.
"""

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall import documents
from edgeall.artifact import Decision
from edgeall.pixels import ByteImage
from edgeall.runs import Run
from edgeall.statistics import positive_score

MOST = 200
"""Most images that are measured."""

JPEG_QUALITY = 95

Predict = Callable[[ByteImage], npt.NDArray[np.floating[Any]]]
"""RGB bytes (n, size, size, 3) to class probabilities (n, k)."""


@dataclass(frozen=True)
class Movement:
    """Changes of a model's scores under one disturbance.

    Attributes:
        score_change: mean absolute change of the positive score, in [0, 1].
        verdicts_kept: share of images whose verdict (score at the threshold or above) is the same, in [0, 1];
            referral is ignored.
    """

    score_change: float
    verdicts_kept: float


@dataclass(frozen=True)
class Stability:
    """Changes of a model's scores on `n` images under each of `DISTURBANCES`."""

    n: int
    noise: Movement
    shift: Movement
    jpeg: Movement

    @property
    def movements(self) -> dict[str, Movement]:
        """By disturbance, in the order of `DISTURBANCES`."""
        return {kind: getattr(self, kind) for kind in DISTURBANCES}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: n, and score_change and verdicts_kept of each disturbance."""
        return asdict(self)


def stability(predict: Predict, images: ByteImage, decision: Decision) -> Stability:
    """Measure `predict` on RGB bytes (n, size, size, 3), n >= 1, of the model's input size. See `sample`.

    Raises:
        ValueError: no image, or probabilities that are not finite or do not match the labels.
    """
    if not len(images):
        raise ValueError("no image to measure stability on")
    before = positive_score(predict(images), decision)

    def movement(kind: str) -> Movement:
        after = positive_score(predict(disturbed(images, kind)), decision)
        kept = (before >= decision.threshold) == (after >= decision.threshold)
        return Movement(float(np.abs(after - before).mean()), float(kept.mean()))

    return Stability(len(images), **{kind: movement(kind) for kind in DISTURBANCES})


def of_run(run: Run) -> Stability | None:
    """The stability that training measured on validation images; None for imported runs and those of old versions.

    Raises:
        ValueError: the run's record of it is malformed.
    """
    found = run.metrics.get("val", {}).get("stability")
    return None if found is None else documents.build(Stability, found)


def sample(classes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Sorted indices of at most `MOST` images, stratified by the class indices (n,)."""
    by_class = np.argsort(classes, kind="stable")
    count = min(MOST, len(classes))
    return np.sort(by_class[np.arange(count) * len(classes) // max(count, 1)])


def disturbed(images: ByteImage, kind: str, seed: int = 0) -> ByteImage:
    """RGB bytes (n, size, size, 3) after one of `DISTURBANCES`, of the same shape.

    The same images, kind and seed give the same bytes. Those of "jpeg" also depend on Pillow's encoder.
    """
    disturb = DISTURBANCES[kind]
    return np.stack(
        [disturb(image, np.random.default_rng([seed, index])) for index, image in enumerate(images)]
    )


def _noise(image: ByteImage, rng: np.random.Generator) -> ByteImage:
    moved = image.astype(np.int16) + rng.integers(-1, 2, size=image.shape, dtype=np.int16)
    return np.asarray(np.clip(moved, 0, 255).astype(np.uint8))


def _shift(image: ByteImage, rng: np.random.Generator) -> ByteImage:
    return np.concatenate([image[:, :1], image[:, :-1]], axis=1)


def _jpeg(image: ByteImage, rng: np.random.Generator) -> ByteImage:
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(stored))


DISTURBANCES: dict[str, Callable[[ByteImage, np.random.Generator], ByteImage]] = {
    "noise": _noise,
    "shift": _shift,
    "jpeg": _jpeg,
}
"""Each pixel value -1, 0 or +1 at random; one pixel to the right, the border repeated; a JPEG of quality 95."""
