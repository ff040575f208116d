"""Which golden pictures an artifact keeps, and how answers to them are compared."""

import dataclasses

import numpy as np
import pytest

from edgeall.artifact import Golden
from edgeall.golden import answers


def two(*scores: float) -> np.ndarray:
    """Probabilities (n, 2) from scores of the second class."""
    return np.array([[1 - score, score] for score in scores])


def golden(*scores: float, logit: float = 0.01, probability: float = 1e-5) -> Golden:
    table = tuple(map(tuple, two(*scores).tolist()))
    return Golden(
        1, tuple(range(len(scores))), "0" * 64, table, logit, probability, "engine", "1", "processor"
    )


def test_pictures_nearest_to_the_middle_are_kept_of_both_classes() -> None:
    scores = [0.001, 0.2, 0.3, 0.4, 0.45, 0.48, 0.7, 0.97]
    kept = [scores[row] for row in answers.choose(two(*scores))]
    assert sorted(kept) == [0.45, 0.48, 0.7, 0.97]


def test_a_saturated_class_has_no_turn_while_the_other_has_better() -> None:
    scores = [0.999999, 0.2, 0.3, 0.4, 0.45, 0.9999999]
    kept = [scores[row] for row in answers.choose(two(*scores))]
    assert sorted(kept) == [0.2, 0.3, 0.4, 0.45]


def test_each_of_several_classes_has_its_turn() -> None:
    table = np.full((8, 3), 0.2)
    for row, best in enumerate((0, 0, 0, 0, 1, 1, 2, 0)):
        table[row, best] = 0.6
    assert set(table[answers.choose(table)].argmax(axis=1)) == {0, 1, 2}


def test_a_record_keeps_seeds_and_answers_in_step() -> None:
    table = two(*np.linspace(0.01, 0.99, len(answers.CANDIDATES)))
    made = answers.make(table, 16, "float32", "onnxruntime", "1.2.3", "a processor")
    assert len(made.seeds) == answers.COUNT
    for seed, row in zip(made.seeds, made.probabilities, strict=True):
        assert row == pytest.approx(table[seed], abs=1e-7)
    assert (made.engine, made.version, made.processor) == ("onnxruntime", "1.2.3", "a processor")
    assert not answers.saturated(made)
    assert len(str(dataclasses.asdict(made))) < 800, "a few hundred bytes in all"


def test_a_difference_counts_on_the_scale_of_log_odds() -> None:
    known = golden(0.5, 0.99)
    middle, end = two(0.505, 0.99), two(0.5, 0.99005)
    # 0.02 of log-odds at the middle, and 0.005 at the end, of 0.01.
    assert answers.differences(known, middle).max() == pytest.approx(2, rel=0.01)
    assert answers.differences(known, end).max() == pytest.approx(0.5, rel=0.02)


def test_a_difference_within_either_tolerance_is_right() -> None:
    coarse = golden(0.001, logit=0.01, probability=1 / 256)
    assert answers.differences(coarse, two(0.004)).max() < 1, "one step of an INT8 output"
    assert answers.differences(coarse, two(0.007)).max() > 1


def test_saturated_answers_are_known_as_such_and_still_show_gross_errors() -> None:
    known = golden(1e-9, 1 - 1e-9)
    assert answers.saturated(known)
    assert answers.differences(known, two(1e-7, 1 - 1e-7)).max() < 1
    assert answers.differences(known, two(0.1, 1 - 1e-9)).max() > 1


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 0},
        {"seeds": ()},
        {"seeds": (1, 1)},
        {"seeds": (0, -1)},
        {"seeds": (0, 2**31)},
        {"seeds": tuple(range(17))},
        {"pictures": "none"},
        {"probabilities": ((0.5, 0.5),)},
        {"probabilities": ((0.5, 0.5), (0.5, 1.5))},
        {"probabilities": ((0.5, 0.5), (1.0,))},
        {"probabilities": ((1.0,), (1.0,))},
        {"logit_tolerance": 0.0},
        {"logit_tolerance": 100.0},
        {"probability_tolerance": 2.0},
    ],
)
def test_a_record_out_of_its_ranges_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="golden"):
        dataclasses.replace(golden(0.4, 0.6), **change)  # type: ignore[arg-type]
