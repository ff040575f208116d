"""What is searched: only what matters beside the rest, and only what was not given."""

from typing import Any

import pytest

from edgeall.training import BACKBONES, HEADS, TrainingSettings
from edgeall.training.model import build, unfreeze
from edgeall.tuning import DEPTHS, ranges, searched
from edgeall.tuning.space import propose


class Answers:
    """Proposes what it was told to; else the first of several, the middle of a range's ends."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        self.asked.append(name)
        return self.told.get(name, choices[0])

    def suggest_float(self, name: str, low: float, high: float, /, *, log: bool) -> float:
        assert log
        self.asked.append(name)
        return float(self.told.get(name, (low * high) ** 0.5))

    def suggest_int(self, name: str, low: int, high: int, /, *, log: bool) -> int:
        assert log
        self.asked.append(name)
        return int(self.told.get(name, low))


def test_everything_is_searched_where_nothing_is_given() -> None:
    answers = Answers(head="paper", fine_tune="mixed6", rate=0.000123456, epochs=7)
    proposed = propose(answers, TrainingSettings("inceptionv3"), ())
    assert answers.asked == ["head", "fine_tune", "batch_size", "head_rate", "rate", "epochs"]
    assert (proposed.head, proposed.fine_tune, proposed.epochs) == ("paper", "mixed6", 7)
    assert proposed.rate == 0.000123


def test_a_frozen_backbone_needs_no_rate_of_fine_tuning() -> None:
    answers = Answers(fine_tune="none")
    propose(answers, TrainingSettings("vgg16"), ())
    assert {"rate", "epochs"}.isdisjoint(answers.asked)


def test_a_head_that_is_trained_in_the_second_phase_needs_its_rate_alone() -> None:
    answers = Answers(fine_tune="none")
    propose(answers, TrainingSettings("vgg16", head_epochs=0), ())
    assert "head_rate" not in answers.asked
    assert {"rate", "epochs"} <= set(answers.asked)


def test_what_is_given_stays() -> None:
    given = TrainingSettings("vgg16", head="paper", fine_tune="block4_pool", batch_size=5)
    answers = Answers()
    proposed = propose(answers, given, {"head", "fine_tune", "batch_size"})
    assert answers.asked == ["head_rate", "rate", "epochs"]
    assert (proposed.head, proposed.fine_tune, proposed.batch_size) == ("paper", "block4_pool", 5)
    assert searched(TrainingSettings("vgg16", epochs=0), {"head", "batch_size", "head_rate"}) == []


@pytest.mark.parametrize("name", BACKBONES)
def test_every_depth_can_be_fine_tuned(name: str) -> None:
    backbone = BACKBONES[name]
    classifier = build(backbone, HEADS["gap"], 1, size=backbone.least_size)
    opened = []
    for depth in (DEPTHS[name][0], backbone.upper, DEPTHS[name][1], "all"):
        unfreeze(classifier, depth)
        opened.append(len(classifier.base.trainable_weights))
    assert opened == sorted(set(opened))
    depths, _ = ranges(name)["fine_tune"]
    assert set(DEPTHS[name]) < set(getattr(depths, "values"))  # noqa: B009
