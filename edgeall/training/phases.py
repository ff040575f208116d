"""The phases of a training: a head on frozen features, then the upper layers at a low rate."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import files
from edgeall.pixels import PixelMapping
from edgeall.progress import Progress
from edgeall.runs import Member
from edgeall.training.checkpoint import FORGETFUL, Checkpoint
from edgeall.training.features import Views, plain, through
from edgeall.training.fit import BatchSource, Epoch, Indices, Phase, Record, Truth, once, run_phase
from edgeall.training.image_cache import CachedImages
from edgeall.training.model import Classifier, between, stacked, top
from edgeall.training.settings import Schedule, TrainingSettings
from edgeall.training.standardize import StandardizedFeatures

FINE_TUNING = "fine-tuning"
"""Ends the name of the second phase."""


@dataclasses.dataclass(frozen=True)
class SplitPart:
    """A part of the split: its images in the cache, their class indices (n,), their members."""

    images: CachedImages
    classes: Indices
    members: tuple[Member, ...]

    def truth(self, weights: Any) -> Truth:
        return Truth(self.classes, weights[self.classes])


class History:
    """`history.csv`, written anew at each epoch, so that it is whole whenever training ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = io.StringIO()
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow([column.name for column in dataclasses.fields(Epoch)])
        self.rows: list[dict[str, Any]] = []

    def record(self, epoch: Epoch) -> None:
        row = {name: None if value != value else value for name, value in dataclasses.asdict(epoch).items()}
        self.rows.append(row)
        self._rows.writerow(["" if value is None else value for value in row.values()])
        files.write_text(self._path, self._text.getvalue())


def run_phases(
    classifier: Classifier,
    cut: str | None,
    settings: TrainingSettings,
    train: SplitPart,
    val: SplitPart,
    mapping: PixelMapping,
    record: Record,
    progress: Progress,
    checkpoint: Checkpoint = FORGETFUL,
) -> None:
    """Train `classifier` in place, its layers opened above `cut` by `open_layers`, and leave it at its best.

    Goes on from where `checkpoint` says that this training was interrupted.
    """
    counts = np.bincount(train.classes)
    weights = np.ones(len(counts), np.float32)
    if settings.balanced:
        weights = (len(train.classes) / (len(counts) * counts)).astype(np.float32)
    backbone, features = classifier.backbone.title, classifier.head[0].name
    # Where all of the backbone is frozen, the second phase would only repeat the first.
    deeper = bool(settings.epochs and (classifier.base.trainable_weights or not settings.head_epochs))
    below = cut if deeper else None

    def lower(part: SplitPart, views: int, what: str) -> BatchSource:
        """Input of the layers that are fine-tuned."""
        source: BatchSource = Views(part.images, mapping, settings.augmentation, settings.seed)
        if below is None:
            return source
        model = between(classifier, None, below)
        return through(source, model, len(part.images), views, f"{backbone}: {what}, lower layers", progress)

    def features_of(source: BatchSource, part: SplitPart, views: int, what: str) -> BatchSource:
        """Input of the head, from `lower`'s."""
        model = between(classifier, below, features)
        return through(source, model, len(part.images), views, f"{backbone}: {what}, features", progress)

    def phase(name: str, epochs: int, rate: float, schedule: Schedule, patience: int) -> Phase:
        return Phase(
            f"{backbone}: {name}", epochs, rate, settings.batch_size, patience, settings.seed, schedule
        )

    views = min(settings.views, max(settings.head_epochs, settings.epochs))
    inputs, val_source = lower(train, views, "training images"), lower(val, 1, "validation images")
    if settings.head_epochs:
        head = stacked(classifier.head[1:], classifier.head[0].output.shape[1:])
        first = phase("head", settings.head_epochs, settings.head_rate, "cosine", settings.head_patience)

        def train_head() -> list[Epoch]:
            head_inputs = features_of(inputs, train, views, "training images")
            val_head = plain(features_of(val_source, val, 1, "validation images"), len(val.images))
            standard = StandardizedFeatures.of(head_inputs, len(train.images))
            rows = run_phase(
                head, first, standard, train.truth(weights), standard.apply(val_head), val.truth(weights),
                record, progress, checkpoint,
            )  # fmt: skip
            standard.fold_into(classifier.head)
            return rows

        once(first.name, head, train_head, record, progress, checkpoint)
    if deeper:
        # The published protocol trains BatchNorm as a plain `fit` does; otherwise it stays as it was.
        trained = top(classifier, cut, steady=settings.fine_tune != "published")
        second = phase(FINE_TUNING, settings.epochs, settings.rate, settings.schedule, settings.patience)

        def tune() -> list[Epoch]:
            return run_phase(
                trained, second, inputs, train.truth(weights),
                plain(val_source, len(val.images)), val.truth(weights), record, progress, checkpoint,
            )  # fmt: skip

        once(second.name, trained, tune, record, progress, checkpoint)
