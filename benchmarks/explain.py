"""Whether the maps of `edgeall explain` tell what a model's answer rests on, and when they are labelled not to.

    make explain DATA=../shared/data RUN=runs/NAME
    python benchmarks/explain.py RUN DATA --out FILE

RUN is a run of MobileNetV2 on C-NMC 2019 (DATA/cnmc) with its INT8 TFLite artifact. Its test and validation people are
explained: no image of theirs trained the network. Validation images chose the epoch and the threshold.

For each cell, the tenth of it that the map marks as most important is removed, and tenths that are chosen otherwise.
Compared are the absolute changes of the log-odds. The filling is the cell's own blur, or its mean colour, and never the
black of the ground. A ratio is of the means over cells. Its 95 % intervals are those of the bootstrap (percentiles of
2,000 resamples), over cells, and over people with all their cells.

Models of random weights have MobileNetV2's architecture, are computed in float32, and were not trained:
"as initialized" by Keras; "head spread": with a last layer scaled so that answers to training cells spread;
"statistics fitted": the same after the normalizations were fitted to training cells as well.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import artifact as artifacts
from edgeall import files, runs
from edgeall.artifact import Artifact, ClassTest, Decision, Share, TestFigures
from edgeall.explaining.explanation import Explanation
from edgeall.explaining.faithfulness import (
    DRAWS,
    MOVED,
    RATIO,
    doubts,
    faithfulness,
    guesses,
    marked,
    random_tenths,
)
from edgeall.explaining.occlusion import Occluded, evidence
from edgeall.explaining.region import Mask, tenth
from edgeall.markdown_table import table
from edgeall.pixels import ByteImage, read_image
from edgeall.runs import Run
from edgeall.runtimes import Session, open_model, open_session

RESAMPLES = 2000
OTHERS = 10
"""Draws of each of the other ways to choose a tenth."""
FEW = 24
"""Cells, at most, of the models and engines beside the first one."""


@dataclass(frozen=True)
class Cell:
    """A cell's picture, and the person it is of."""

    pixels: ByteImage
    person: str
    label: str


@dataclass(frozen=True)
class Row:
    """What was measured of one cell. `changes` by the way that a tenth was chosen, in log-odds."""

    cell: Cell
    explanation: Explanation
    changes: dict[str, float]


MARKED, PATCHES = "marked by the map", "random patches (smooth noise)"
MEAN = " filled with the cell's mean colour"


def explained(cells: Sequence[Cell], session: Session, decision: Decision, every: bool) -> Iterator[Row]:
    """Explain cells; with `every`, also by all other ways to choose a tenth."""
    before: Any = None
    for number, cell in enumerate(cells):
        start = time.perf_counter()
        occluded = Occluded(session, decision, cell.pixels)
        grid, values = evidence(occluded)
        found = faithfulness(occluded, grid, values)
        taken = (time.perf_counter() - start) * 1000
        explanation = Explanation(grid, values, found, doubts(found, None), occluded.inferences, taken)
        changes = {MARKED: found.marked, PATCHES: found.random}
        if every:
            noise = np.random.default_rng(number)
            for name, masks in _ways(occluded, grid, values, before, noise):
                changes[name] = _mean_change(occluded, masks)
            same = (
                marked(values, grid, occluded.cell),
                list(random_tenths(occluded.cell, occluded.side, OTHERS)),
            )
            occluded._filling = _mean_colour(cell.pixels, occluded.cell)
            changes[MARKED + MEAN] = _mean_change(occluded, [same[0]])
            changes[PATCHES + MEAN] = _mean_change(occluded, same[1])
            before = values
        yield Row(cell, explanation, changes)


def _ways(
    occluded: Occluded, grid: Any, values: Any, before: Any, noise: Any
) -> Iterator[tuple[str, list[Mask]]]:
    cell = occluded.cell
    yield "one random square", [_square(occluded, noise) for _ in range(OTHERS)]
    yield "random pixels", [tenth(noise.random(cell.shape), cell) for _ in range(OTHERS)]
    known = np.isfinite(values)
    shuffled = []
    for _ in range(OTHERS):
        other = values.copy()
        other[known] = noise.permutation(values[known])
        shuffled.append(marked(other, grid, cell))
    yield "the map's tiles, shuffled", shuffled
    turned = [np.rot90(values, turns) for turns in (1, 2, 3)]
    turned += [np.rot90(values[:, ::-1], turns) for turns in range(4)]
    masks = [marked(_fitted(each, values.shape), grid, cell) for each in turned]
    yield "the map, turned and mirrored", masks
    if before is not None:
        yield "the map of another cell", [marked(_fitted(before, values.shape), grid, cell)]


def _square(occluded: Occluded, noise: Any) -> Mask:
    """The tenth of the cell that is nearest to a random place in it, by the larger of both distances."""
    rows, columns = np.nonzero(occluded.cell)
    place = noise.integers(len(rows))
    y, x = np.indices(occluded.cell.shape)
    return tenth(-np.maximum(abs(y - rows[place]), abs(x - columns[place])).astype(float), occluded.cell)


def _fitted(values: Any, shape: tuple[int, ...]) -> Any:
    rows = np.arange(shape[0]) * values.shape[0] // shape[0]
    columns = np.arange(shape[1]) * values.shape[1] // shape[1]
    return np.nan_to_num(values)[rows][:, columns]


def _mean_colour(pixels: ByteImage, cell: Mask) -> ByteImage:
    return np.broadcast_to(np.rint(pixels[cell].mean(axis=0)), pixels.shape).astype(np.uint8)


def _mean_change(occluded: Occluded, masks: Sequence[Mask]) -> float:
    return float(np.mean([abs(fall) for fall in occluded.falls(iter(masks))]))


def ratio(rows: Sequence[Row], of: str, over: str) -> list[str]:
    """Table cells: means, their ratio with intervals over cells and people, median of the cells' ratios."""
    rows = [row for row in rows if over in row.changes]
    one, other = (np.array([row.changes[name] for row in rows]) for name in (of, over))
    people = np.array([row.cell.person for row in rows])
    noise = np.random.default_rng(0)
    by_cell, by_person = [], []
    names = sorted(set(people))
    for _ in range(RESAMPLES):
        taken = noise.integers(len(rows), size=len(rows))
        by_cell.append(one[taken].mean() / max(other[taken].mean(), 1e-9))
        taken = np.concatenate([np.nonzero(people == name)[0] for name in noise.choice(names, len(names))])
        by_person.append(one[taken].mean() / max(other[taken].mean(), 1e-9))
    intervals = [np.percentile(each, (2.5, 97.5)) for each in (by_cell, by_person)]
    return [
        f"{one.mean():.2f}",
        f"{other.mean():.2f}",
        f"{one.mean() / max(other.mean(), 1e-9):.2f}",
        *(f"{low:.2f} to {high:.2f}" for low, high in intervals),
        f"{np.median(one / np.maximum(other, 1e-9)):.2f}",
    ]


RULE = ("model", "cells", "mean change", "ratio", f"{MOVED:g} or more", f"{RATIO:g} times or more")
RULE += (f"no less than all {DRAWS}", "explanations")
HEAD = (
    "tenth that is compared",
    "marked",
    "compared",
    "ratio",
    "over cells",
    "over people",
    "median of cells",
)


def passes(name: str, rows: Sequence[Row]) -> list[str]:
    """Table cells: what the rule of faithfulness says of these maps."""
    found = [row.explanation.faithfulness for row in rows]
    n = len(rows)
    return [
        name,
        str(n),
        f"{np.mean([each.marked for each in found]):.2f}",
        f"{np.mean([each.marked for each in found]) / max(1e-9, np.mean([each.random for each in found])):.2f}",
        str(sum(each.marked >= MOVED for each in found)),
        str(sum(each.marked >= RATIO * each.random for each in found)),
        str(sum(each.marked >= each.largest_random for each in found)),
        str(sum(_passed(row) for row in rows)),
    ]


def _passed(row: Row) -> bool:
    """Whether the map passes the check by removal. Test figures are left aside: random models have none."""
    return not [why for why in row.explanation.against if "guessing" not in why]


def figures_on_test(run: Run, data: Path, session: Session) -> list[str]:
    """Table cells: sensitivity and specificity on the run's test images, and whether they are in line with guessing."""
    positive = np.array([image.label in run.decision.positive for image in run.split.test])
    pixels = np.stack([read_image(data / image.name, run.pixels.resize) for image in run.split.test])
    found = run.decision.scores(session.predict(pixels)) >= 0.5
    groups = [
        ClassTest(Share(float(np.mean(found[positive == each] == each))), int(np.sum(positive == each)), None)
        for each in (True, False)
    ]
    figures = TestFigures("a model of random weights", run.split.grouped_by, 0.5, *groups, None)
    words = [f"{group.right.value:.2f}" for group in groups if group.right is not None]
    return [*words, "yes" if guesses(figures) else "NO"]


def cells_of(run: Run, data: Path) -> list[Cell]:
    """The test and validation people's cells."""
    images = [*run.split.test, *run.split.val]
    return [Cell(read_image(data / i.name, run.pixels.resize), i.subject or "", i.label) for i in images]


def random_models(run: Run, data: Path, folder: Path, seeds: Sequence[int]) -> Iterator[tuple[str, Path]]:
    """Models of random weights as TFLite files, with their names."""
    import keras
    import tensorflow as tf

    cells = np.stack([read_image(data / i.name, run.pixels.resize) for i in run.split.train[::4]])
    inputs = run.pixels.apply(cells)
    shape = (run.pixels.size, run.pixels.size, 3)
    for seed in seeds:
        for kind in ("as initialized", "head spread", "statistics fitted"):
            keras.utils.set_random_seed(seed)
            base = keras.applications.MobileNetV2(
                input_shape=shape, include_top=False, weights=None, pooling="avg"
            )
            if kind == "statistics fitted":
                for layer in base.layers:
                    if isinstance(layer, keras.layers.BatchNormalization):
                        layer.momentum = 0.0
                base(inputs, training=True)
            head = keras.layers.Dense(1, activation="sigmoid")
            model = keras.Model(base.input, head(base.output))
            if kind != "as initialized":
                features = np.asarray(base.predict_on_batch(inputs))
                weights = np.random.default_rng(seed).normal(size=(features.shape[1], 1))
                weights /= (features @ weights).std(axis=0) / 1.5
                head.set_weights([weights, -(features.mean(axis=0) @ weights)])
            path = folder / f"{kind}-{seed}.tflite".replace(" ", "-")
            path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
            yield f"random, {kind}, seed {seed}", path


def report(
    run: Run, artifact: Artifact, cells: Sequence[Cell], data: Path, seeds: Sequence[int]
) -> Iterator[str]:
    """The page."""
    decision = artifact.metadata.decision
    with open_session(artifact) as session:
        rows = list(explained(cells, session, decision, every=True))
        engine = f"{session.engine.name} {session.engine.version}"
    taken = np.array([row.explanation.ms for row in rows]) / 1000
    counts = [row.explanation.inferences for row in rows]
    people = sorted({cell.person for cell in cells})
    ways = [name for name in rows[-1].changes if name != MARKED and not name.endswith(MEAN)]
    yield f"""## {len(cells)} cells of {len(people)} people

{artifact.path.name}, {engine}, one thread. An explanation takes {min(counts)} to {max(counts)} inferences, of which
{DRAWS + 1} check it, and {np.median(taken):.2f} s (median; {taken.max():.2f} s at most).

{table(HEAD, [[name, *ratio(rows, MARKED, name)] for name in ways])}

The same tenths of the same maps, filled otherwise than for the map:

{table(HEAD, [[PATCHES + MEAN, *ratio(rows, MARKED + MEAN, PATCHES + MEAN)]])}

By person, against {PATCHES}:

{table(("person", "label", "cells", "marked", "compared", "ratio"), [_of_person(rows, name) for name in people])}
"""
    few = cells[:: max(1, -(-len(cells) // FEW))]
    found = [passes("trained, INT8", rows)]
    for path in sorted(artifact.path.parent.iterdir()):
        if path != artifact.path and artifacts.is_artifact_name(path):
            other = artifacts.read(path)
            with open_session(other) as session:
                found.append(
                    passes(
                        f"trained, {path.name}", list(explained(few, session, other.metadata.decision, False))
                    )
                )
    guessing = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in random_models(run, data, Path(folder), seeds):
            with open_model(path, "tflite", run.pixels) as session:
                found.append(passes(name, list(explained(few, session, decision, False))))
                guessing.append([name, *figures_on_test(run, data, session)])
    yield f"""## What the rule says

A map is an explanation where removing the marked tenth changes the log-odds by {MOVED:g} or more, by {RATIO:g} times or
more what random tenths do on average, and by no less than each of {DRAWS} of them. The artifact's test images must also
not be in line with guessing, which is not part of these counts.

{table(RULE, found)}

Removal alone does not tell all models of random weights from trained ones: a last layer that is scaled up moves the
log-odds as far as one likes. Their sensitivity and specificity on {len(run.split.test)} test images (threshold 0.5):

{table(("model", "sensitivity", "specificity", "in line with guessing"), guessing)}
"""


def _of_person(rows: Sequence[Row], person: str) -> list[str]:
    own = [row for row in rows if row.cell.person == person]
    one, other = (np.mean([row.changes[name] for row in own]) for name in (MARKED, PATCHES))
    return [person, own[0].cell.label, str(len(own)), f"{one:.2f}", f"{other:.2f}", f"{one / other:.2f}"]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/explain.md"))
    args = parser.parse_args()
    run, data = runs.load(args.run), args.data / "cnmc"
    artifact = artifacts.read(next((args.run / "exports").glob("*_tflite-int8.tflite")))
    title = "# Explanations: what the maps tell\n\n"
    intro = (__doc__ or "").partition("\n\n")
    page = [
        title + intro[0] + "\n\n" + intro[2],
        *report(run, artifact, cells_of(run, data), data, args.seeds),
    ]
    files.write_text(args.out, "\n".join(page))


if __name__ == "__main__":
    main()
