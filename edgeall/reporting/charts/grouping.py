"""Which artifacts a chart draws together: those of one family, and as one those that answer alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgeall import formatting
from edgeall.engines import ENGINES
from edgeall.recommending.measured import artifacts, beside_float32
from edgeall.reporting.charts.palette import SERIES, Colour
from edgeall.results import Bench, Result
from edgeall.results.accuracy import RecordedPredictions
from edgeall.results.pairing import common_rows

ALIKE = 0.005
"""Largest difference of scores of artifacts that are drawn as one, if their verdicts are equal too."""

ALIKE_IN_WORDS = (
    f"Artifacts with equal verdicts and scores that differ by at most {ALIKE:g} are drawn as one line."
)


@dataclass(frozen=True)
class Look:
    """How results of one precision are drawn."""

    colour: Colour
    marker: str
    dashes: tuple[float, tuple[float, ...]]
    fill: Literal["none", "bottom", "full"]
    word: str


LOOKS = {
    "float32": Look(SERIES[0], "o", (0, ()), "none", "float32"),
    "float16": Look(SERIES[2], "^", (0, (1, 1.5)), "bottom", "float16"),
    "int8": Look(SERIES[1], "s", (0, (5, 2)), "full", "INT8"),
}


def look(precision: str) -> Look:
    """Of a precision; an unknown one is drawn as a fourth kind under its own name."""
    return LOOKS.get(precision) or Look(SERIES[3], "D", (0, (3, 1, 1, 1)), "full", precision)


@dataclass(frozen=True)
class Alike:
    """Artifacts of one family and precision that answer alike; `results[0]` is drawn."""

    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        return self.results[0]

    @property
    def label(self) -> str:
        """ "INT8 (TFLite, ONNX)"."""
        return f"{look(self.first.precision).word} ({', '.join(map(format_name, self.results))})"


def families(bench: Bench) -> dict[str, list[Result]]:
    """One result an artifact, by family, in the bench's order."""
    found: dict[str, list[Result]] = {}
    for result in artifacts(bench):
        found.setdefault(bench.family(result), []).append(result)
    return found


def format_name(result: Result) -> str:
    """ "TFLite"."""
    return ENGINES[result.format].label if result.format in ENGINES else result.format


def with_predictions(results: list[Result]) -> list[tuple[Result, RecordedPredictions]]:
    return [(result, result.predictions) for result in results if result.predictions is not None]


def alike(results: list[Result]) -> list[Alike]:
    """Artifacts of one family by how they answer; those without recorded scores are left out."""
    found: list[list[Result]] = []
    for result, recorded in with_predictions(results):
        if recorded.scores is None:
            continue
        group = next((g for g in found if _answer_alike(g[0], result)), None)
        if group is None:
            found.append([result])
        else:
            group.append(result)
    return [Alike(tuple(group)) for group in found]


def _answer_alike(a: Result, b: Result) -> bool:
    one, other = a.predictions, b.predictions
    if one is None or other is None or one.scores is None or other.scores is None:
        return False
    if a.precision != b.precision or one.images != other.images or one.truth != other.truth:
        return False
    return one.positive == other.positive and bool(
        (abs(np.asarray(one.scores) - np.asarray(other.scores)) <= ALIKE).all()
    )


def without_scores(results: list[Result]) -> str:
    """A sentence on artifacts that a chart of scores leaves out; "" where there is none."""
    lacking = [r for r in results if r.predictions is None or r.predictions.scores is None]
    if not lacking:
        return ""
    names = formatting.listed([f"{format_name(r)} {look(r.precision).word}" for r in lacking])
    return f"Not drawn, without recorded scores: {names}."


def pairs(bench: Bench) -> Iterator[tuple[Result, Result]]:
    """Each INT8 artifact after its float32 one, whatever the threads."""
    seen = set()
    for float32, int8 in beside_float32(bench):
        if int8.name not in seen:
            seen.add(int8.name)
            yield float32, int8


def same_images(a: RecordedPredictions, b: RecordedPredictions) -> list[tuple[int, int]] | None:
    """Rows of a and b that are one image; None where they are not of the same images with the same truth."""
    rows = common_rows(a.images, b.images)
    if not rows or not len(rows) == len(a.images) == len(b.images):
        return None
    return rows if all(a.truth[i] == b.truth[j] for i, j in rows) else None
