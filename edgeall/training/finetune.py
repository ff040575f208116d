"""Trains a classifier on a split of a dataset, calibrates and evaluates it, and writes the run."""

import dataclasses
import os
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import edgeall
from edgeall import documents, evaluating, files, predictions, runs
from edgeall.artifact import Decision
from edgeall.datasets import Dataset, split_caveat
from edgeall.domain.of_split import domain_of_split
from edgeall.errors import DatasetError
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.predictions import Predictions
from edgeall.progress import Progress
from edgeall.runs import DataSource, Member, Run, Split
from edgeall.statistics import (
    choose_band,
    choose_threshold,
    is_positive,
    learn_person_cut,
    positive_score,
)
from edgeall.training.backbones import find_backbone
from edgeall.training.checkpoint import NO_CHECKPOINT, Checkpoint, key_of
from edgeall.training.fit import Record
from edgeall.training.heads import find_head
from edgeall.training.image_cache import ImageCache
from edgeall.training.initial_weights import initialize
from edgeall.training.model import Classifier, build, predict, run_model, unfreeze
from edgeall.training.phases import FINE_TUNING, History, SplitPart, run_phases
from edgeall.training.probability_calibration import LogitCalibration, calibrate, logits, penultimate_model
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings
from edgeall.training.stability import DISTURBANCES, Stability, sample, stability
from edgeall.training.underfitting import doubts


@dataclasses.dataclass(frozen=True)
class FittedClassifier:
    """A classifier after its last epoch, before calibration. No test image has been used.

    Attributes:
        weights: origin of its initial weights, in words.
        licence: of the initial weights.
    """

    classifier: Classifier
    parts: Mapping[str, SplitPart]
    mapping: PixelMapping
    weights: str
    licence: str


def fit(
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings,
    record: Record,
    progress: Progress,
    *,
    parts: tuple[str, ...],
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FittedClassifier:
    """Train on the train part of `split`, with validation on its val part.

    Args:
        record: called for each epoch.
        parts: parts of the split to load into the image cache.
        checkpoint: training resumes from it.

    Raises:
        DatasetError: the split does not suit the dataset, see `check`.
        TrainingError: training diverged.
    """
    check(dataset, split)
    keras.utils.set_random_seed(settings.seed)
    backbone, head = find_backbone(settings.backbone), find_head(settings.head)
    mapping = backbone.pixels(settings.input_size)
    cache = ImageCache(
        dataset.root, [member for part in parts for member in split.part(part)], mapping.size, progress
    )
    loaded = {name: _part(cache, split.part(name), dataset.labels) for name in parts}
    outputs = 1 if len(dataset.labels) == 2 else len(dataset.labels)
    classifier = build(
        backbone, head, outputs, size=mapping.size, dropout=settings.dropout, seed=settings.seed
    )
    cut = unfreeze(classifier, settings.fine_tune or head.fine_tune)
    train, val = loaded["train"], loaded["val"]
    origin, licence = initialize(classifier, settings, train.images, mapping, progress)
    run_phases(classifier, cut, settings, train, val, mapping, record, progress, checkpoint)
    return FittedClassifier(classifier, loaded, mapping, origin, licence)


def _check_size(split: Split, labels: tuple[str, ...]) -> None:
    try:
        documents.check_size(dataclasses.asdict(split), beside=1 << 20)
        predictions.check_size(split, labels)
    except ValueError as error:
        count = sum(len(split.part(part)) for part in runs.PARTS)
        raise DatasetError(
            f"what a run records of {count:,} images would be {error}, which is not read back: train on fewer"
        ) from None


def fine_tune(
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings,
    path: Path,
    overwrite: bool,
    progress: Progress,
) -> Run:
    """Train on `split` of `dataset` and write the run folder `path`.

    An interrupted training with the same key resumes from its checkpoint.

    Raises:
        DatasetError: the run would name more images than can be read back.
    """
    _check_size(split, dataset.labels)
    checkpoint = Checkpoint.beside(path, _key(dataset, split, settings))
    with files.replacing_folder(path, overwrite) as folder:
        history = History(folder / "history.csv")
        fitted = fit(
            dataset, split, settings, history.record, progress, parts=runs.PARTS, checkpoint=checkpoint
        )
        classifier = fitted.classifier
        calibration = _calibrate(fitted, settings)
        decision, predicted = _decide(fitted, dataset, settings, progress)
        predictions.write(folder / predictions.FILE, predicted, decision.labels)
        # The test part is evaluated once, after every choice.
        evaluations = {name: evaluating.evaluate(part, decision) for name, part in predicted.items()}
        fine_tuned = history.rows[-1]["phase"].endswith(FINE_TUNING)
        patience = settings.patience if fine_tuned else settings.head_patience
        metrics = {
            name: {"of": "the Keras model"} | part.metrics | {"loss": part.loss, "mse": part.mse}
            for name, part in evaluations.items()
        }
        measured_stability = _stability(fitted, decision, progress).to_dict()
        metrics["val"]["stability"] = measured_stability
        val = predicted["val"]
        metrics["val"]["person_cut"] = learn_person_cut(
            val.subjects, val.truth, val.probabilities, decision, split.grouped_by
        ).to_dict()
        metrics["train"]["doubts"] = doubts(predicted["train"], decision, history.rows, patience)
        run = Run(
            path=folder,
            backbone=settings.backbone,
            head=settings.head,
            weights=fitted.weights,
            licence=fitted.licence,
            seed=settings.seed,
            pixels=fitted.mapping,
            decision=decision,
            data=DataSource(dataset.root.resolve(), dataset.layout, runs.fingerprint(split.train)),
            split=split,
            params=count_params(classifier.model),
            settings=settings.to_dict(),
            calibration=calibration.to_dict(),
            metrics=metrics,
            versions=versions(),
            domain=domain_of_split(dataset.root, split, fitted.mapping.resize, progress),
        )
        classifier.model.save(run.model_path)
        runs.save(run)
        evaluating.write(
            folder, path.name, decision, evaluations, run.params, history.rows,
            [f"{classifier.backbone.title}, head {run.head}, from {run.weights}; the Keras model.", *caveats(run)],
            measured_stability,
        )  # fmt: skip
    checkpoint.clear()
    return dataclasses.replace(run, path=path)


def _key(dataset: Dataset, split: Split, settings: TrainingSettings) -> str:
    """Key of everything that determines the result of a training."""
    start = "" if settings.weights in (IMAGENET, RANDOM) else files.sha256_file(Path(settings.weights))
    labels = [dataset.labels, dataset.positive]
    # TensorFlow chooses its kernels by this variable, and they determine the last bits of results.
    kernels = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return key_of(settings.to_dict(), start, labels, dataclasses.asdict(split), versions(), kernels)


def caveats(run: Run) -> list[str]:
    """Limits of the run's figures, a sentence each."""
    found = [f"Warning: {doubt}." for doubt in run.metrics["train"]["doubts"]]
    return [*found, split_caveat(run.split.grouped_by)]


def check(dataset: Dataset, split: Split) -> None:
    """Check a split before training.

    Raises:
        DatasetError: a part lacks healthy or positive images, or has a label that the dataset does not have.
    """
    for part in runs.PARTS:
        labels = {member.label for member in split.part(part)}
        if unknown := sorted(labels - set(dataset.labels)):
            raise DatasetError(f"the split's label '{unknown[0]}' is none of {', '.join(dataset.labels)}")
        positive = labels & set(dataset.positive)
        if not positive or positive == labels:
            raise DatasetError(
                f"{dataset.root}: the {part} part of the split has only positive or only negative images "
                f"({', '.join(sorted(labels)) or 'none at all'}); give more images, or another seed or split"
            )
    missing = set(dataset.labels) - {member.label for member in split.train}
    if missing:
        raise DatasetError(f"{dataset.root}: no training image is labelled '{min(missing)}'")


def count_params(model: Any) -> dict[str, int]:
    """Parameters of a model in its present state: total, trainable, non_trainable."""
    total = int(model.count_params())
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_weights)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}


def run_name(dataset: Dataset, settings: TrainingSettings) -> str:
    """Default name of a run: backbone, head, data folder."""
    folder = re.sub(r"[^a-z0-9]+", "-", dataset.root.resolve().name.lower()).strip("-") or "data"
    return f"{settings.backbone}-{settings.head}-{folder}"


def versions() -> dict[str, str]:
    """Versions of the libraries that determine the result of a seed."""
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


def _calibrate(fitted: FittedClassifier, settings: TrainingSettings) -> LogitCalibration:
    classifier, val = fitted.classifier, fitted.parts["val"]
    model = penultimate_model(classifier)
    penultimate = np.concatenate(
        [run_model(model, fitted.mapping.apply(pixels)) for pixels in val.images.pieces()]
    )
    return calibrate(classifier, settings.calibration, logits(classifier, penultimate), val.classes)


def _decide(
    fitted: FittedClassifier, dataset: Dataset, settings: TrainingSettings, progress: Progress
) -> tuple[Decision, dict[str, Predictions]]:
    """The decision, chosen on validation images, and the predictions for every part."""
    decision = Decision(dataset.labels, dataset.positive)
    probabilities = {}
    total = sum(len(part.images) for part in fitted.parts.values())
    with progress.stage(f"{fitted.classifier.backbone.title}: predictions", total) as advance:
        for name, part in fitted.parts.items():
            pieces = []
            for pixels in part.images.pieces():
                pieces.append(predict(fitted.classifier.model, pixels, fitted.mapping))
                advance(len(pixels))
            probabilities[name] = np.concatenate(pieces)
    truth = is_positive(fitted.parts["val"].classes, decision).tolist()
    scores = positive_score(probabilities["val"], decision).tolist()
    threshold = choose_threshold(truth, scores) if settings.threshold is None else settings.threshold
    band = None
    if settings.min_sensitivity is not None and settings.min_specificity is not None:
        band = choose_band(truth, scores, threshold, settings.min_sensitivity, settings.min_specificity)
    decision = dataclasses.replace(decision, threshold=float(threshold), refer=band)
    return decision, {
        name: Predictions(
            tuple(member.name for member in part.members),
            tuple(member.subject for member in part.members),
            part.classes,
            probabilities[name],
            np.full(len(part.members), decision.threshold),
        )
        for name, part in fitted.parts.items()
    }


def _stability(fitted: FittedClassifier, decision: Decision, progress: Progress) -> Stability:
    """Stability of the calibrated model, on validation images."""
    model, val = fitted.classifier.model, fitted.parts["val"]
    images = val.images.take(sample(val.classes))
    title = f"{fitted.classifier.backbone.title}: stability"
    with progress.stage(title, len(images) * (1 + len(DISTURBANCES))) as advance:

        def probabilities(pixels: ByteImage) -> npt.NDArray[np.float64]:
            table = predict(model, pixels, fitted.mapping)
            advance(len(pixels))
            return table

        return stability(probabilities, images, decision)


def _part(cache: ImageCache, members: tuple[Member, ...], labels: tuple[str, ...]) -> SplitPart:
    classes = np.asarray([labels.index(member.label) for member in members], dtype=np.int64)
    return SplitPart(cache.images(members), classes, members)
