"""A model that does not know its own training images says so."""

from typing import Any

import numpy as np
import pytest

from edgeall.artifact import Decision
from edgeall.predictions import Predictions
from edgeall.training.underfitting import doubts

DECISION = Decision(("healthy", "ALL"), ("ALL",))
TRUTH = np.repeat([0, 1], 40)


def said(scores: np.ndarray) -> Predictions:
    n = len(scores)
    return Predictions(
        tuple(f"{index}.png" for index in range(n)),
        (None,) * n,
        TRUTH,
        np.stack([1 - scores, scores], axis=1),
        np.full(n, 0.5),
    )


def epoch(accuracy: float | None, val_auc: float = 0.5, phase: str = "fine-tuning") -> dict[str, Any]:
    return {"phase": phase, "accuracy": accuracy, "val_auc": val_auc, "val_loss": 1.0}


GOOD = said(np.where(TRUTH, 0.9, 0.1) + np.linspace(-0.05, 0.05, 80))
REVERSED = said(np.where(TRUTH, 0.1, 0.9))


def test_one_that_learned_them_gives_no_doubt() -> None:
    assert doubts(GOOD, DECISION, [epoch(None), epoch(0.95)], 0) == []


@pytest.mark.parametrize("scores", [REVERSED, said(np.linspace(0.4, 0.6, 80)[np.arange(80) * 7 % 80])])
def test_one_whose_training_auc_is_not_above_chance(scores: Predictions) -> None:
    (doubt,) = doubts(scores, DECISION, [epoch(None)], 0)
    assert "does not separate its own training images: AUC 0." in doubt


def test_one_that_is_hardly_better_than_chance_however_many_images_say_so() -> None:
    """AUC 0.57 on 800 images is significant, and still knows next to nothing."""
    scores = np.tile(np.linspace(0.3, 0.6, 400), 2) + np.repeat([0.0, 0.02], 400)
    many = Predictions(
        tuple(f"{index}.png" for index in range(800)),
        (None,) * 800,
        np.repeat([0, 1], 400),
        np.stack([1 - scores, scores], axis=1),
        np.full(800, 0.5),
    )
    (doubt,) = doubts(many, DECISION, [epoch(None)], 0)
    assert "AUC 0.56" in doubt


def test_one_that_gives_every_image_the_same_verdict() -> None:
    scores = 0.6 + GOOD.probabilities[:, 1] / 10
    (doubt,) = doubts(said(scores), DECISION, [epoch(None)], 0)
    assert doubt == "the model classifies all of its 80 training images as positive"


def test_one_that_answers_differently_at_inference() -> None:
    poor = said(np.where(np.arange(80) % 3, GOOD.probabilities[:, 1], 1 - GOOD.probabilities[:, 1]))
    (doubt,) = doubts(poor, DECISION, [epoch(0.9)], 0)
    assert "accuracy 0.662 on its training images, where training reported 0.900" in doubt


def test_the_epoch_that_was_kept_is_the_one_compared() -> None:
    """With a patience the best on validation images is kept, which may be the state before the first epoch."""
    poor = said(np.where(np.arange(80) % 3, GOOD.probabilities[:, 1], 1 - GOOD.probabilities[:, 1]))
    early, late = epoch(0.7, val_auc=0.9), epoch(0.99, val_auc=0.6)
    assert doubts(poor, DECISION, [early, late], 5) == []
    assert len(doubts(poor, DECISION, [early, late], 0)) == 1
    assert doubts(poor, DECISION, [epoch(None, val_auc=0.9), late], 5) == []


def test_only_the_last_phase_counts() -> None:
    assert doubts(GOOD, DECISION, [epoch(1.0, phase="head"), epoch(0.9)], 0) == []
