"""The two phases of a training: a head on frozen features, then the upper layers at a low learning rate."""

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
from edgeall.training.checkpoint import NO_CHECKPOINT, Checkpoint
from edgeall.training.features import Views, frozen_features, unaugmented
from edgeall.training.fit import BatchSource, Epoch, Indices, Phase, Record, Truth, run_once, run_phase
from edgeall.training.image_cache import CachedImages
from edgeall.training.initial_weights import recalibrate
from edgeall.training.model import Classifier, Floats, stacked, submodel, trained_part, trains_statistics
from edgeall.training.settings import TrainingSettings
from edgeall.training.standardize import StandardizedFeatures

FINE_TUNING = "fine-tuning"
"""Last word of the second phase's name."""


@dataclasses.dataclass(frozen=True)
class SplitPart:
    """A part of the split: its images in the cache, and their class indices (n,) and members in the same order."""

    images: CachedImages
    classes: Indices
    members: tuple[Member, ...]

    def truth(self, weights: Any) -> Truth:
        return Truth(self.classes, weights[self.classes])


class History:
    """`history.csv`, rewritten at each epoch, so that it is complete whenever training ends."""

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


@dataclasses.dataclass(frozen=True)
class _Inputs:
    """Inputs of the layers that train, from cached or computed features of the layers below.

    Attributes:
        cut: layer below the fine-tuned ones; None for the input.
    """

    classifier: Classifier
    cut: str | None
    settings: TrainingSettings
    mapping: PixelMapping
    progress: Progress

    def fine_tuned(self, part: SplitPart, views: int, what: str) -> BatchSource:
        """Input of the layers that are fine-tuned."""
        source: BatchSource = Views(part.images, self.mapping, self.settings.augmentation, self.settings.seed)
        if self.cut is None:
            return source
        model = submodel(self.classifier, None, self.cut)
        return self._features(source, model, part, views, f"{what}, lower layers")

    def head(self, source: BatchSource, part: SplitPart, views: int, what: str) -> BatchSource:
        """Input of the head, from a source by `fine_tuned`."""
        model = submodel(self.classifier, self.cut, self.classifier.head[0].name)
        return self._features(source, model, part, views, f"{what}, features")

    def _features(
        self, source: BatchSource, model: Any, part: SplitPart, views: int, what: str
    ) -> BatchSource:
        title = f"{self.classifier.backbone.title}: {what}"
        return frozen_features(source, model, len(part.images), views, title, self.progress)


def run_phases(
    classifier: Classifier,
    cut: str | None,
    settings: TrainingSettings,
    train: SplitPart,
    val: SplitPart,
    mapping: PixelMapping,
    record: Record,
    progress: Progress,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> None:
    """Train `classifier` in place, and leave it in its best state. Resumes from `checkpoint`.

    Args:
        cut: from `unfreeze`: the layer above which layers are fine-tuned; None for the input.
    """
    weights = _class_weights(train, settings)
    backbone = classifier.backbone.title
    # Where the whole backbone is frozen, the second phase would repeat the first.
    fine_tunes = bool(settings.epochs and (classifier.base.trainable_weights or not settings.head_epochs))
    inputs = _Inputs(classifier, cut if fine_tunes else None, settings, mapping, progress)
    views = min(settings.views, max(settings.head_epochs, settings.epochs))
    train_source = inputs.fine_tuned(train, views, "training images")
    val_source = inputs.fine_tuned(val, 1, "validation images")
    if settings.head_epochs:
        head = stacked(classifier.head[1:], classifier.head[0].output.shape[1:])
        first = Phase(
            f"{backbone}: head", settings.head_epochs, settings.head_rate, settings.batch_size,
            settings.head_patience, settings.seed,
        )  # fmt: skip

        def train_head() -> list[Epoch]:
            head_source = inputs.head(train_source, train, views, "training images")
            val_features = unaugmented(inputs.head(val_source, val, 1, "validation images"), len(val.images))
            standardized = StandardizedFeatures.of(head_source, len(train.images))
            rows = run_phase(
                head, first, standardized, train.truth(weights), standardized.apply(val_features),
                val.truth(weights), record, progress, checkpoint,
            )  # fmt: skip
            standardized.fold_into(classifier.head)
            return rows

        run_once(first.name, head, train_head, record, progress, checkpoint)
    if fine_tunes:
        depth = settings.fine_tune or "none"
        model = trained_part(classifier, cut, frozen_statistics=not trains_statistics(depth))
        second = Phase(
            f"{backbone}: {FINE_TUNING}", settings.epochs, settings.rate, settings.batch_size,
            settings.patience, settings.seed, settings.schedule,
        )  # fmt: skip

        def settle() -> None:
            if depth == "scratch":
                recalibrate(classifier.base, train.images, mapping, settings)

        def fine_tune() -> list[Epoch]:
            return run_phase(
                model, second, train_source, train.truth(weights),
                unaugmented(val_source, len(val.images)), val.truth(weights), record, progress, checkpoint,
                settle,
            )  # fmt: skip

        run_once(second.name, model, fine_tune, record, progress, checkpoint)


def _class_weights(train: SplitPart, settings: TrainingSettings) -> Floats:
    """Weight of each class, (k,): inverse to its frequency where `settings.balanced`, else 1."""
    counts = np.bincount(train.classes)
    if not settings.balanced:
        return np.ones(len(counts), np.float32)
    return np.asarray(len(train.classes) / (len(counts) * counts), dtype=np.float32)
