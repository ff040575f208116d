"""Shared by the benchmarks of INT8 models: images of a run, figures of models on them, and ratios of times."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from edgeall import runs, statistics
from edgeall.artifact import Decision
from edgeall.exporting import calibration_images, int8
from edgeall.exporting.source_models import class_probabilities
from edgeall.pixels import ByteImage
from edgeall.runs import Run

Floats = npt.NDArray[Any]
CALIBRATION = 100
"""Training images that every quantizer calibrates on, as in the shipped recipes."""
BAND = 0.1
"""Distance from the float threshold within which a verdict is not clear."""
LEAST = 1 / 512
"""Least probability: half the scale of INT8 probabilities."""
ROUNDS, TURN = 40, 0.02
"""Rounds in which models are timed in turn, and seconds of a turn, at least."""


@dataclass(frozen=True)
class Part:
    """Images.

    Attributes:
        pixels: uint8 (n, size, size, 3).
        truth: class indices, (n,); None where unknown.
        subjects: of each image; None where unknown.
    """

    pixels: ByteImage
    truth: npt.NDArray[np.int64] | None
    subjects: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How a model's class probabilities are interpreted.

    Attributes:
        threshold: score from which a verdict is positive.
        scale: of the logits, for log-loss.
    """

    threshold: float
    scale: float

    @classmethod
    def of(cls, outputs: Floats, truth: Any, decision: Decision, threshold: float) -> "Reading":
        """With a threshold, and the scale fitted to validation outputs (n, k), as in training."""
        return cls(threshold, statistics.fit_scale(_logits(outputs), truth))


@dataclass(frozen=True)
class Quality:
    """Figures of a model against labels; the AUC is None for images of one class."""

    accuracy: float
    auc: float | None
    log_loss: float


@dataclass(frozen=True)
class Figures:
    """Of an INT8 model on some images.

    Attributes:
        quality, reference: of it and of the float model; None where the truth is not known.
        kept: share of images with the float model's verdict, each at its own threshold.
        kept_outside: of the images whose float score is not within `BAND` of its threshold; None without any.
        kept_at_float: with both read at the float model's threshold.
        outside: share of the images that `kept_outside` is of.
        mean_difference: of the scores, absolute.
    """

    quality: Quality | None
    reference: Quality | None
    kept: float
    kept_outside: float | None
    kept_at_float: float
    outside: float
    mean_difference: float

    @property
    def changes(self) -> dict[str, float | None]:
        """Of accuracy, AUC and log-loss against the float model's; None where one is not known."""

        def change(name: str) -> float | None:
            given, exact = (getattr(quality, name, None) for quality in (self.quality, self.reference))
            return None if given is None or exact is None else float(given - exact)

        return {field.name: change(field.name) for field in fields(Quality)}


def read_part(run: Run, part: str, data: Path | None = None) -> Part:
    """Decode a part's images; `data` is where they are now."""
    members = run.split.part(part)
    truth = np.asarray(run.class_indices(part), np.int64)
    return Part(_decode(run, part, members, data), truth, tuple(member.subject for member in members))


def read_calibration(run: Run, data: Path | None = None) -> ByteImage:
    """The training images that the shipped INT8 recipes calibrate on."""
    return _decode(run, "train", calibration_images.select(run.split.train, CALIBRATION, 0), data)


def probabilities(run: Run, model: Any, pixels: ByteImage) -> Floats:
    """Class probabilities (n, k) of a Keras model with the run's input."""
    return class_probabilities(np.asarray(int8.predict(model, pixels, run.pixels), np.float32))


def score(outputs: Floats, decision: Decision) -> Floats:
    """Probability of a finding, (n,), from class probabilities."""
    return np.clip(statistics.positive_score(outputs, decision), 0.0, 1.0)


def figures(
    outputs: Floats,
    reading: Reading,
    reference: Floats,
    float_reading: Reading,
    truth: Any,
    decision: Decision,
) -> Figures:
    """Compare class probabilities (n, k) with those of the float model, and both with labels if known."""
    given, exact = score(outputs, decision), score(reference, decision)
    called = given >= reading.threshold
    expected = exact >= float_reading.threshold
    outside = np.abs(exact - float_reading.threshold) > BAND
    kept = called == expected
    known = truth is not None
    return Figures(
        quality(outputs, reading, truth, decision) if known else None,
        quality(reference, float_reading, truth, decision) if known else None,
        float(kept.mean()),
        float(kept[outside].mean()) if outside.any() else None,
        float(((given >= float_reading.threshold) == expected).mean()),
        float(outside.mean()),
        float(np.abs(given - exact).mean()),
    )


def quality(outputs: Floats, reading: Reading, truth: Any, decision: Decision) -> Quality:
    """Compare class probabilities (n, k) with label indices (n,)."""
    scores, positive = score(outputs, decision), statistics.is_positive(truth, decision)
    logits = _logits(outputs) * reading.scale
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    losses = statistics.log_losses(likely / likely.sum(axis=1, keepdims=True), truth)
    two = positive.any() and not positive.all()
    return Quality(
        float(np.mean((scores >= reading.threshold) == positive)),
        float(roc_auc_score(positive, scores)) if two else None,
        float(losses.mean()),
    )


def time_ratios(
    models: Sequence[Callable[[], Any]], pairs: Sequence[tuple[int, int]]
) -> list[tuple[float, float, float]]:
    """For each pair the ratio of the two models' processor times: median over rounds, and its 95 % interval.

    In a round the models run in turn, so that other load affects all. The interval is of order statistics (Conover,
    Practical Nonparametric Statistics), and assumes no distribution.
    """
    calls = [max(1, math.ceil(TURN / max(_seconds(model, 3), 1e-6))) for model in models]
    spent = np.array(
        [[_seconds(model, n) for model, n in zip(models, calls, strict=True)] for _ in range(ROUNDS)]
    )
    reach = int(binom.ppf(0.025, ROUNDS, 0.5))
    found = []
    for first, second in pairs:
        ratios = np.sort(spent[:, first] / spent[:, second])
        found.append((float(np.median(ratios)), float(ratios[reach - 1]), float(ratios[-reach])))
    return found


def read_pictures(run: Run, folder: Path) -> ByteImage:
    """All pictures under `folder`, as the run's models see them."""
    given = calibration_images.read_folder(folder, run.pixels.size, "--also")
    return _written(lambda out: calibration_images.decode_given(given, run.pixels, out))


def find_runs(folders: list[Path]) -> list[Run]:
    """The runs in `folders`: each is a run, or holds the runs of one cross-validation."""
    found = []
    for folder in folders:
        places = [folder] if (folder / "run.json").is_file() else sorted(folder.glob("fold-*"))
        found += [runs.load(place) for place in places]
    return found


def table(head: Sequence[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _decode(run: Run, part: str, members: tuple[runs.Member, ...], data: Path | None) -> ByteImage:
    return _written(lambda out: calibration_images.decode(run, part, members, out, data))


def _written(decode: Callable[[Path], None]) -> ByteImage:
    """The images that `decode` writes to a .npy file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        decode(path)
        images: ByteImage = np.load(path)
    return images


def _logits(outputs: Floats) -> Floats:
    """Logarithms of probabilities (n, k): logits but for a constant an image."""
    return np.asarray(np.log(np.clip(np.asarray(outputs, np.float64), LEAST, 1.0)))


def _seconds(model: Callable[[], Any], calls: int) -> float:
    """Processor time of a call."""
    started = time.process_time()
    for _ in range(calls):
        model()
    return (time.process_time() - started) / calls
