"""How much time frozen features save: a head's epochs on features computed once, against epochs through the base.

    python benchmarks/frozen_features.py --images 300 --epochs 50 --backbone densenet201 --size 224

The default protocol passes each augmented view of the training images through the frozen base once and trains the
head on what comes out, for all epochs. End to end, each epoch passes all images through the base again. Both sides
train the same head with the same batches, optimizer and class weights, and neither counts validation images. Passes
of the two sides take turns, so that other load on the machine falls on both. The end-to-end side measures some
epochs, in turn with the views, and counts the rest as long as their mean: it says so.
"""

import argparse
import os
import platform
import tempfile
import time
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
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--backbone", default="densenet201")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--views", type=int, default=training.TrainingSettings("mobilenetv2").views)
    parser.add_argument("--measured", type=int, default=2, help="epochs to measure end to end")
    parser.add_argument("--out", type=Path, help="Markdown file to write the result to")
    args = parser.parse_args()
    with hushed():
        text = report(args, *measure(args))
    print(text)
    if args.out is not None:
        files.write_text(args.out, text)


def measure(args: argparse.Namespace) -> tuple[list[float], float, list[float]]:
    """Seconds of each view's features, of all epochs of the head, and of each epoch measured end to end."""
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
    frozen = compiled(keras.Model(classifier.model.inputs, reduced))
    features = FrozenFeatures(views, frozen)
    whole = compiled(
        classifier.model, optimizer=keras.optimizers.Adam(settings.head_rate), loss="binary_crossentropy"
    )
    # Tracing a network is no part of an epoch.
    first = np.arange(settings.batch_size) % args.images
    features.batch(0, np.arange(PREDICT_BATCH) % args.images)
    whole.train_on_batch(views.batch(0, first), classes[first, None].astype(np.float32))

    values = np.empty((args.views, args.images, *reduced.shape[1:]), np.float32)
    of_views, of_epochs = [], []
    for turn in range(max(args.views, args.measured)):
        if turn < args.views:
            started = time.monotonic()
            for start in range(0, args.images, PREDICT_BATCH):
                indices = np.arange(start, min(start + PREDICT_BATCH, args.images))
                values[turn, indices] = features.batch(turn, indices)
            of_views.append(time.monotonic() - started)
            print(f"features of view {turn}: {of_views[-1]:.1f} s", flush=True)
        if turn < args.measured:
            started = time.monotonic()
            for indices in batches(args.images, settings.batch_size, settings.seed, turn):
                whole.train_on_batch(views.batch(turn, indices), classes[indices, None].astype(np.float32))
            of_epochs.append(time.monotonic() - started)
            print(f"end to end, epoch {turn + 1}: {of_epochs[-1]:.1f} s", flush=True)

    started = time.monotonic()
    standard = StandardizedFeatures.of(CachedFeatures(values), args.images)
    phase = Phase("head", args.epochs, settings.head_rate, settings.batch_size, 0, settings.seed)
    # Its validation is of the training features: a stand-in, since a phase cannot go without.
    run_phase(
        stacked(classifier.head[1:], reduced.shape[1:]), phase, standard, truth,
        standard.apply(values[0]), truth, lambda row: None, SILENT,
    )  # fmt: skip
    return of_views, time.monotonic() - started, of_epochs


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


def report(args: argparse.Namespace, of_views: list[float], of_head: float, of_epochs: list[float]) -> str:
    """The result in Markdown."""
    ours, theirs = sum(of_views) + of_head, args.epochs * float(np.mean(of_epochs))
    one = float(np.mean(of_views))
    command = (
        f"python benchmarks/frozen_features.py --images {args.images} --epochs {args.epochs} "
        f"--backbone {args.backbone} --size {args.size} --views {args.views} --measured {args.measured}"
    )
    return f"""# Frozen features computed once, against training through the frozen base

{args.epochs} epochs of a `gap` head on a frozen {training.BACKBONES[args.backbone].title}, {args.images} drawn
smears at {args.size} pixels, random weights, {machine()}.

| | seconds |
|---|---|
| features of {args.views} augmented views, once | {sum(of_views):.1f} ({", ".join(f"{s:.1f}" for s in of_views)}) |
| {args.epochs} epochs of the head on them | {of_head:.1f} |
| **default head phase, together** | **{ours:.1f}** |
| one epoch end to end, measured {len(of_epochs)} times | {", ".join(f"{s:.1f}" for s in of_epochs)} |
| **end to end, {args.epochs} epochs of that mean (not run in full)** | **{theirs:.0f}** |
| **ratio** | **{theirs / ours:.1f}** |
| ratio with one view instead of {args.views}, from the same figures | {theirs / (one + of_head):.1f} |

Passes took turns: a view, an epoch, a view... Neither side counts validation images, which go through the base once
on the one side and in every epoch on the other, nor the tracing of the networks.

```
{command}
```
"""


def machine() -> str:
    """Kind of machine and what else it was doing."""
    name = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        name = models[0] if models else name
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} cores{load}, {keras.backend.backend()}, Keras {keras.__version__}"


if __name__ == "__main__":
    main()
