"""When images contradict what was said of a model, and when they do not."""

from dataclasses import replace

import numpy as np
import pytest

from edgeall.artifact import Decision
from edgeall.errors import UsageError
from edgeall.importing.preprocessing import MODES
from edgeall.importing.preprocessing_fit import PreprocessingFit, contradicted_order
from edgeall.progress import SILENT

TWO = Decision(("hem", "all"), ("all",))
THREE = Decision(("a", "b", "c"), ("b", "c"))


def table(truth: np.ndarray, right: float, seed: int, classes: int = 2) -> np.ndarray:
    """Probabilities that favour an image's own class in a share `right` of the images."""
    rng = np.random.default_rng(seed)
    called = np.where(rng.random(len(truth)) < right, truth, (truth + 1) % classes)
    sure = rng.uniform(0.55, 0.95, len(truth))
    found = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    found[np.arange(len(truth)), called] = sure
    return found


def evidence(n: int, **right: float) -> PreprocessingFit:
    truth = np.arange(n) % 2
    tables = {name: table(truth, share, seed) for seed, (name, share) in enumerate(right.items())}
    ways = [MODES[name] for name in right]
    return PreprocessingFit.score(ways, lambda way: tables[way.name], truth, TWO, SILENT)


def test_a_much_better_preprocessing_is_told() -> None:
    found = evidence(60, unit=0.5, tf=0.95, raw=0.6)
    other = found.far_better_than(found.fits[0])
    assert other is not None
    assert other.preprocessing.name == "tf"


def test_chance_and_trifles_are_not_told() -> None:
    few = evidence(10, unit=0.7, tf=0.9)
    assert few.far_better_than(few.fits[0]) is None
    close = evidence(2000, unit=0.90, tf=0.94)
    assert close.far_better_than(close.fits[0]) is None


def test_false_warnings_are_as_rare_as_promised() -> None:
    """Eight equally good preprocessings: at most one import in twenty may warn; the margin makes it rarer."""
    warned = 0
    for seed in range(40):
        truth = np.arange(60) % 2
        tables = [table(truth, 0.8, 1000 * seed + way) for way in range(5)]
        ways = list(MODES.values())
        found = PreprocessingFit.score(
            ways, lambda way, t=tables, w=ways: t[w.index(way)], truth, TWO, SILENT
        )
        warned += found.far_better_than(found.fits[0]) is not None
    assert warned <= 2


def test_the_best_is_guessed_with_what_is_as_good() -> None:
    chosen, as_good = evidence(60, raw=0.5, torch=0.95, tf=0.94).best()
    assert chosen.preprocessing.name in ("torch", "tf")
    assert {fit.preprocessing.name for fit in (chosen, *as_good)} == {"torch", "tf"}


def test_nothing_is_guessed_from_chance() -> None:
    with pytest.raises(UsageError, match="--preprocessing"):
        evidence(40, tf=0.5, unit=0.5).best()


def test_swapped_labels_are_told_and_do_not_hide_the_right_preprocessing() -> None:
    found = evidence(60, unit=0.5, tf=0.05)
    assert found.best()[0].preprocessing.name == "tf"
    assert found.best()[0].matched == (1, 0)
    truth = np.arange(60) % 2
    assert contradicted_order(table(truth, 0.05, 0), truth, TWO) == ("all", "hem")


def test_labels_in_order_or_in_doubt_are_left_alone() -> None:
    truth = np.arange(60) % 2
    assert contradicted_order(table(truth, 0.9, 0), truth, TWO) is None
    assert contradicted_order(table(truth[:8], 0.3, 0), truth[:8], TWO) is None


def test_the_right_order_of_several_labels_is_found() -> None:
    truth = np.arange(90) % 3
    outputs = table(truth, 0.9, 0, 3)[:, [2, 0, 1]]
    assert contradicted_order(outputs, truth, THREE) == ("c", "a", "b")
    assert contradicted_order(table(truth, 0.9, 0, 3), truth, THREE) is None


def filters(n: int, **right: float) -> PreprocessingFit:
    """Of resize filters, the usual one first."""
    truth = np.arange(n) % 2
    tables = {name: table(truth, share, seed) for seed, (name, share) in enumerate(right.items())}
    ways = [replace(MODES["raw"], filter=name) for name in right]
    return PreprocessingFit.score(ways, lambda way: tables[way.filter], truth, TWO, SILENT, "resize filters")


def test_a_resize_filter_is_chosen_only_where_it_is_significantly_better() -> None:
    better = filters(120, bilinear=0.6, nearest=0.95, box=0.7)
    assert better.improved(better.fits[0]).preprocessing.filter == "nearest"
    alike = filters(120, bilinear=0.90, nearest=0.92, box=0.91)
    assert alike.improved(alike.fits[0]) is alike.fits[0]


def test_undecided_filters_are_told_where_they_change_verdicts() -> None:
    alike = filters(120, bilinear=0.90, nearest=0.92, box=0.5)
    assert [fit.preprocessing.filter for fit, _ in alike.rivals(alike.fits[0])] == ["nearest"]
    (_, changed), *_ = alike.rivals(alike.fits[0])
    assert changed == (alike.fits[0].called != alike.fits[1].called).sum() > 0
    same = filters(120, bilinear=1.0, nearest=1.0)
    assert same.rivals(same.fits[0]) == []
