"""One round of training a head on a frozen base, with features computed once and through the base each time.

    python benchmarks/frozen_features.py --backbone densenet201 --size 224 --images 150 --epochs 50

The default protocol passes each augmented view of the training images through the frozen base once and trains the head
on what comes out, for all epochs. End to end, each epoch passes all images through the base again. Both train the same
head with the same batches, optimizer and class weights, and neither counts validation images or tracing a network.

Prints JSON with seconds: "view" of the features of one view, "epoch" of one epoch end to end, "head" of all epochs of
the head. `bench/sections/frozen.py` measures rounds of it.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from edgeall import files, training
from edgeall.datasets import read_dataset, synthesize
from edgeall.progress import SILENT
from edgeall.runs import Member
from edgeall.silence_stderr import hushed
from edgeall.training.augment import Augmentation
from edgeall.training.features import CachedFeatures, FrozenFeatures, Views
from edgeall.training.fit import Phase, Truth, batches, run_phase
from edgeall.training.image_cache import ImageCache
from edgeall.training.initial_weights import draw_weights
from edgeall.training.model import PREDICT_BATCH, build, compiled, stacked, unfreeze
from edgeall.training.standardize import StandardizedFeatures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--first", choices=("view", "epoch"), default="view", help="which is measured first")
    args = parser.parse_args()
    with hushed():
        found = measure(args)
    print(json.dumps(found))


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Seconds."""
    settings = training.TrainingSettings(args.backbone, input_size=args.size)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        views, classes = _views(Path(folder) / "smears", args)
    classifier = build(
        training.BACKBONES[args.backbone], training.HEADS["gap"], 1, size=args.size, dropout=settings.dropout
    )
    unfreeze(classifier, "none")
    draw_weights(classifier.base, seed=0)
    truth = Truth(classes, np.ones(args.images, np.float32))
    reduced = classifier.head[0].output
    features = FrozenFeatures(views, compiled(keras.Model(classifier.model.inputs, reduced)))
    whole = compiled(
        classifier.model, optimizer=keras.optimizers.Adam(settings.head_rate), loss="binary_crossentropy"
    )
    values = np.empty((1, args.images, *reduced.shape[1:]), np.float32)

    def view() -> None:
        for start in range(0, args.images, PREDICT_BATCH):
            indices = np.arange(start, min(start + PREDICT_BATCH, args.images))
            values[0, indices] = features.batch(0, indices)

    def epoch() -> None:
        for indices in batches(args.images, settings.batch_size, settings.seed, 0):
            whole.train_on_batch(views.batch(0, indices), classes[indices, None].astype(np.float32))

    def head() -> None:
        standard = StandardizedFeatures.of(CachedFeatures(values), args.images)
        phase = Phase("head", args.epochs, settings.head_rate, settings.batch_size, 0, settings.seed)
        # Its validation is of the training features: a stand-in, since a phase cannot go without.
        run_phase(
            stacked(classifier.head[1:], reduced.shape[1:]), phase, standard, truth,
            standard.apply(values[0]), truth, lambda row: None, SILENT,
        )  # fmt: skip

    # Tracing a network is no part of an epoch.
    first = np.arange(settings.batch_size) % args.images
    features.batch(0, np.arange(PREDICT_BATCH) % args.images)
    whole.train_on_batch(views.batch(0, first), classes[first, None].astype(np.float32))
    steps = {"view": view, "epoch": epoch}
    order = [args.first, *(name for name in steps if name != args.first)]
    took = {name: _seconds(steps[name]) for name in order}
    return {**took, "head": _seconds(head)}


def _seconds(step: Callable[[], None]) -> float:
    started = time.monotonic()
    step()
    return time.monotonic() - started


def _views(folder: Path, args: argparse.Namespace) -> tuple[Views, np.ndarray]:
    """Views of drawn smears, in memory, and their class indices."""
    healthy = args.images // 2
    synthesize(folder, seed=0, healthy=healthy, leukaemia=args.images - healthy, size=(480, 360))
    dataset = read_dataset(folder)
    members = [
        Member(sample.name, files.sha256_file(sample.path), sample.label) for sample in dataset.samples
    ][: args.images]
    images = ImageCache(folder, members, args.size).images(members)
    classes = np.array([dataset.labels.index(member.label) for member in members], np.int64)
    mapping = training.BACKBONES[args.backbone].pixels(args.size)
    return Views(images, mapping, Augmentation(), 0), classes


if __name__ == "__main__":
    main()
