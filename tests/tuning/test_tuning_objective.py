"""The objective of a trial."""

import dataclasses

from edgeall.training.fit import Epoch
from edgeall.tuning.objective import kept_epoch, objective

NAN = float("nan")
HEAD, SECOND = "VGG16: head", "VGG16: fine-tuning"


def epoch(phase: str, number: int, auc: float, loss: float) -> Epoch:
    return Epoch(phase, number, NAN, loss, auc, NAN, 0.5, 1e-3, 0.0)


def test_the_loss_decides_among_equal_areas() -> None:
    assert objective(1.0, 0.1) > objective(1.0, 0.2) > objective(0.98, 0.0)


def test_a_few_confident_errors_do_not_count_for_more_than_a_hundredth() -> None:
    assert objective(0.9, 50.0) == objective(0.9, 1.0) > objective(0.889, 0.0)


def test_the_epoch_that_training_keeps_is_the_one_that_counts() -> None:
    rows = [epoch(HEAD, 0, 0.5, 0.7), epoch(HEAD, 1, 0.9, 0.3), epoch(HEAD, 2, 0.9, 0.4)]
    assert kept_epoch(rows, 5) is rows[1]
    rows += [epoch(SECOND, 0, 0.9, 0.3), epoch(SECOND, 1, 0.8, 0.2)]
    assert kept_epoch(rows, 5) is rows[3]


def test_without_early_stopping_that_is_the_last() -> None:
    rows = [epoch(SECOND, 0, 0.9, 0.3), epoch(SECOND, 1, 0.8, 0.2)]
    assert kept_epoch(rows, 0) is rows[1]
    head = [dataclasses.replace(row, phase=HEAD) for row in rows]
    assert kept_epoch(head, 0) is head[0]
