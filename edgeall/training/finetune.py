"""The default protocol: a head on frozen features, then the upper layers at a low rate; then a run folder."""

import csv
import dataclasses
import io
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

import edgeall
from edgeall import files, runs
from edgeall.artifact import Decision
from edgeall.datasets import Dataset
from edgeall.errors import DatasetError
from edgeall.pixels import PixelMapping
from edgeall.progress import Progress
from edgeall.runs import DataSource, Member, Run, Split
from edgeall.statistics import choose_threshold, classification_metrics, is_positive, positive_score
from edgeall.training.backbones import find_backbone
from edgeall.training.features import Views, plain, through
from edgeall.training.fit import Epoch, Phase, Source, Truth, run_phase
from edgeall.training.heads import find_head
from edgeall.training.images import ImageCache, Images
from edgeall.training.model import Classifier, between, build, open_layers, predict, stacked, top
from edgeall.training.settings import Settings
from edgeall.training.standardize import Standardized
from edgeall.training.weights import initialize


@dataclasses.dataclass(frozen=True)
class _Part:
    images: Images
    classes: Any
    members: tuple[Member, ...]

    def truth(self, weights: Any) -> Truth:
        return Truth(self.classes, weights[self.classes])


class _History:
    """`history.csv`, written anew at each epoch, so that it is whole whenever training ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = io.StringIO()
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow([column.name for column in dataclasses.fields(Epoch)])
        self.epochs: list[Epoch] = []

    def record(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self._rows.writerow(["" if value != value else value for value in dataclasses.astuple(epoch)])
        files.write_text(self._path, self._text.getvalue())


def fine_tune(
    dataset: Dataset, split: Split, settings: Settings, path: Path, overwrite: bool, progress: Progress
) -> Run:
    """Train on `split` of `dataset` and write the run folder `path`."""
    check(dataset, split)
    keras.utils.set_random_seed(settings.seed)
    backbone, head = find_backbone(settings.backbone), find_head(settings.head)
    mapping = backbone.pixels(settings.input_size)
    cache = ImageCache(
        dataset.root, [member for part in runs.PARTS for member in split.part(part)], mapping.size, progress
    )
    parts = {name: _part(cache, split.part(name), dataset.labels) for name in runs.PARTS}
    outputs = 1 if len(dataset.labels) == 2 else len(dataset.labels)
    classifier = build(
        backbone, head, outputs, size=mapping.size, dropout=settings.dropout, seed=settings.seed
    )
    cut = open_layers(classifier, settings.fine_tune or head.fine_tune)
    words, licence = initialize(classifier, settings, parts["train"].images, mapping, progress)
    with files.replacing_folder(path, overwrite) as folder:
        history = _History(folder / "history.csv")
        _train(classifier, cut, settings, parts, mapping, history, progress)
        decision = _decide(classifier, dataset, parts["val"], mapping)
        run = Run(
            path=folder,
            backbone=backbone.name,
            head=head.name,
            weights=words,
            licence=licence,
            seed=settings.seed,
            pixels=mapping,
            decision=decision,
            data=DataSource(dataset.root.resolve(), dataset.layout, runs.fingerprint(split.train)),
            split=split,
            params=count_params(classifier.model),
            settings=settings.to_dict(),
            metrics={
                # Of the Keras model, once, after every choice was made.
                name: _score(classifier, parts[name], mapping, decision, settings.seed)
                for name in ("val", "test")
            },
            versions=versions(),
        )
        classifier.model.save(run.model_path)
        runs.save(run)
    return dataclasses.replace(run, path=path)


def check(dataset: Dataset, split: Split) -> None:
    """Refuse what cannot be learned, before anything long begins.

    Raises:
        DatasetError: a part lacks healthy or positive images, or names a label that the data set does not have.
    """
    for part in runs.PARTS:
        labels = {member.label for member in split.part(part)}
        if unknown := sorted(labels - set(dataset.labels)):
            raise DatasetError(f"the split's label '{unknown[0]}' is none of {', '.join(dataset.labels)}")
        positive = labels & set(dataset.positive)
        if not positive or positive == labels:
            raise DatasetError(
                f"{dataset.root}: the {part} part of the split has images of one side only "
                f"({', '.join(sorted(labels)) or 'none at all'}); give more images, or another seed or split"
            )
    missing = set(dataset.labels) - {member.label for member in split.train}
    if missing:
        raise DatasetError(f"{dataset.root}: no training image is labelled '{min(missing)}'")


def count_params(model: Any) -> dict[str, int]:
    """Parameters of a model as it stands: total, trainable, non_trainable."""
    total = int(model.count_params())
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_weights)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}


def run_name(dataset: Dataset, settings: Settings) -> str:
    """Name of a run that was given none: backbone, head, data folder."""
    folder = re.sub(r"[^a-z0-9]+", "-", dataset.root.resolve().name.lower()).strip("-") or "data"
    return f"{settings.backbone}-{settings.head}-{folder}"


def versions() -> dict[str, str]:
    """Libraries that decide what a seed gives."""
    found = {
        "edgeall": edgeall.__version__,
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
    }
    for name in ("keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy", "pillow"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _train(
    classifier: Classifier,
    cut: str | None,
    settings: Settings,
    parts: dict[str, _Part],
    mapping: PixelMapping,
    history: _History,
    progress: Progress,
) -> None:
    train, val = parts["train"], parts["val"]
    counts = np.bincount(train.classes)
    weights = np.ones(len(counts), np.float32)
    if settings.balanced:
        weights = (len(train.classes) / (len(counts) * counts)).astype(np.float32)
    backbone, features = classifier.backbone.title, classifier.head[0].name
    deeper = bool(settings.epochs and classifier.base.trainable_weights)
    below = None if not deeper else cut

    def frozen(part: _Part, views: int, what: str) -> tuple[Source, Source]:
        """Input of the fine-tuned layers, and of the head; the first on the way to the second."""
        source: Source = Views(part.images, mapping, settings.augmentation, settings.seed)
        n, title = len(part.images), f"{backbone}: {what}"
        if below is not None:
            lower = between(classifier, None, below)
            source = through(source, lower, n, views, f"{title}, lower layers", progress)
        whole = between(classifier, below, features)
        return source, through(source, whole, n, views, f"{title}, features", progress)

    def phase(name: str, epochs: int, rate: float, patience: int) -> Phase:
        return Phase(f"{backbone}: {name}", epochs, rate, settings.batch_size, patience, settings.seed)

    inputs, head_inputs = frozen(train, settings.views, "training images")
    val_inputs, val_head_inputs = (plain(s, len(val.images)) for s in frozen(val, 1, "validation images"))
    standard = Standardized.of(head_inputs, len(train.images))
    run_phase(
        stacked(classifier.head[1:], val_head_inputs.shape[1:]),
        phase("head", settings.head_epochs, settings.head_rate, settings.head_patience),
        standard, train.truth(weights), standard.apply(val_head_inputs), val.truth(weights),
        history.record, progress,
    )  # fmt: skip
    standard.fold_into(classifier.head)
    if deeper:
        run_phase(
            top(classifier, cut),
            phase("fine-tuning", settings.epochs, settings.rate, settings.patience),
            inputs, train.truth(weights), val_inputs, val.truth(weights), history.record, progress,
        )  # fmt: skip


def _decide(classifier: Classifier, dataset: Dataset, val: _Part, mapping: PixelMapping) -> Decision:
    decision = Decision(dataset.labels, dataset.positive)
    probabilities = predict(classifier.model, val.images.take(np.arange(len(val.images))), mapping)
    scores = positive_score(probabilities, decision)
    threshold = choose_threshold(is_positive(val.classes, decision).tolist(), scores.tolist())
    return dataclasses.replace(decision, threshold=float(threshold))


def _score(
    classifier: Classifier, part: _Part, mapping: PixelMapping, decision: Decision, seed: int
) -> dict[str, Any]:
    probabilities = predict(classifier.model, part.images.take(np.arange(len(part.images))), mapping)
    subjects = [member.subject for member in part.members]
    metrics = classification_metrics(
        part.classes, probabilities, decision, None if None in subjects else subjects, seed
    )
    return {"of": "the Keras model"} | metrics.to_dict()


def _part(cache: ImageCache, members: tuple[Member, ...], labels: tuple[str, ...]) -> _Part:
    classes = np.asarray([labels.index(member.label) for member in members], dtype=np.int64)
    return _Part(cache.images(members), classes, members)
