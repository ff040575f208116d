"""The gate: what passes, what fails, what the images do not decide, and what is no model at all."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from edgeall.artifact import Decision, Parity
from edgeall.errors import ExportError
from edgeall.exporting import gate
from edgeall.exporting.paired_scores import PairedScores, concatenate, pair_scores
from edgeall.exporting.recipes import Tolerance, load_recipe

DECISION = Decision(("healthy", "all"), ("all",), threshold=0.5)
EQUAL = Tolerance(images=4, mean_abs_diff=0.01, max_abs_diff=0.05)
INT8 = load_recipe("tflite-int8").parity


def rows(scores: Sequence[float] | np.ndarray) -> np.ndarray:
    score = np.asarray(scores, dtype=np.float32)
    return np.stack([1 - score, score], axis=1)


def pair(
    before: Sequence[float] | np.ndarray,
    after: Sequence[float] | np.ndarray,
    truth: Sequence[int] | None = None,
    subjects: Sequence[str | None] | None = None,
    own: Decision = DECISION,
) -> PairedScores:
    truth = [0, 1] * (len(before) // 2) if truth is None else truth
    return pair_scores(truth, subjects or [None] * len(before), rows(before), rows(after), DECISION, own)


def informed(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth of n images, half of them positive, and scores of a model with an AUC of about .9."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    return truth, 1 / (1 + np.exp(-rng.normal(3 * truth - 1.5, 1.6)))


def noisy(scores: np.ndarray, amount: float, seed: int = 1) -> np.ndarray:
    """The scores with normal noise on their logits."""
    logits = np.log(scores / (1 - scores))
    return np.asarray(1 / (1 + np.exp(-logits - np.random.default_rng(seed).normal(0, amount, len(scores)))))


def judged(n: int, amount: float) -> Parity:
    truth, scores = informed(n)
    return gate.judge(pair(scores, noisy(scores, amount), truth.tolist()), INT8)


def test_float32_is_held_to_the_probabilities_themselves() -> None:
    parity = gate.judge(pair([0.1, 0.4, 0.9, 0.8], [0.1, 0.41, 0.9, 0.79]), EQUAL)
    assert (parity.passed, parity.outcome, parity.reasons) == (True, "passed", ())
    assert parity.mean_abs_diff == pytest.approx(0.005)
    for changed in ([0.1, 0.46, 0.9, 0.8], [0.12, 0.42, 0.92, 0.82]):
        failed = gate.judge(pair([0.1, 0.4, 0.9, 0.8], changed), EQUAL)
        assert (failed.passed, failed.outcome) == (False, "failed")
        assert "change of a probability" in failed.reasons[0]


def test_little_noise_on_many_images_passes() -> None:
    parity = judged(300, 0.05)
    assert (parity.passed, parity.word, parity.needed) == (True, "passed", None)
    assert parity.over == "images"
    assert parity.log_loss_delta_high is not None
    assert parity.log_loss_delta_high < INT8.log_loss_rise


def test_a_score_that_moves_far_without_changing_verdicts_passes() -> None:
    """Half the logits: no image changes its place, |Δp| is ten times what was once allowed."""
    truth, scores = informed(400)
    sure = rows(scores)[:, 1] ** 4 / (rows(scores)[:, 1] ** 4 + rows(scores)[:, 0] ** 4)
    parity = gate.judge(pair(sure, scores, truth.tolist()), INT8)
    assert parity.mean_abs_diff > 0.05
    assert parity.auc_delta == pytest.approx(0, abs=1e-9)
    assert not any("verdicts" in reason for reason in parity.reasons)


def test_much_noise_fails_with_every_reason() -> None:
    parity = judged(300, 3.0)
    assert (parity.passed, parity.word) == (False, "failed")
    assert [reason.split()[0] for reason in parity.reasons][:2] == ["AUC", "log-loss"]
    assert "clear verdicts" in parity.reasons[2]


def test_few_images_prove_nothing_and_say_how_many_would() -> None:
    parity = judged(20, 0.4)
    assert (parity.passed, parity.word) == (None, "unproven")
    assert parity.needed is None or parity.needed > 20
    truth, scores = informed(24)
    lone = scores.copy()
    lone[int(np.argmax(scores))] = 0.45
    one = gate.judge(
        pair(scores, lone, truth.tolist()), dataclasses.replace(INT8, auc_fall=1, auc_fall_bound=1)
    )
    assert one.word == "unproven"
    assert "too few images" in " ".join(one.reasons)


def test_images_that_would_decide_are_many_enough() -> None:
    """With as many images as it says, as like these as copies are, the same model passes."""
    truth, scores = informed(40, seed=5)
    after = noisy(scores, 0.12, seed=2)
    only_loss = Tolerance(40, log_loss_rise=0.01)
    parity = gate.judge(pair(scores, after, truth.tolist()), only_loss)
    assert parity.word == "unproven"
    assert parity.needed is not None
    times = -(-parity.needed // 40)
    many = gate.judge(
        pair(np.tile(scores, times), np.tile(after, times), np.tile(truth, times).tolist()), only_loss
    )
    assert many.word == "passed"
    fewer = max(1, times // 2)
    few = gate.judge(
        pair(np.tile(scores, fewer), np.tile(after, fewer), np.tile(truth, fewer).tolist()), only_loss
    )
    assert few.word == "unproven"


def test_bounds_are_over_subjects_from_eight_a_class_on() -> None:
    truth, scores = informed(160)
    after = noisy(scores, 0.05)
    for a_class, over in ((7, "images"), (8, "subjects")):
        subjects = [f"{'s' if positive else 'h'}{i // 2 % a_class}" for i, positive in enumerate(truth)]
        assert gate.judge(pair(scores, after, truth.tolist(), subjects), INT8).over == over


def test_each_model_is_called_at_its_own_threshold() -> None:
    """All logits shifted: with the float model's threshold a fifth of verdicts change, with its own none."""
    truth, scores = informed(300)
    shifted = 1 / (1 + np.exp(-(np.log(scores / (1 - scores)) - 1.0)))
    own = dataclasses.replace(DECISION, threshold=float(1 / (1 + np.exp(1.0))))
    assert gate.judge(pair(scores, shifted, truth.tolist()), INT8).agreement < 0.9
    assert gate.judge(pair(scores, shifted, truth.tolist(), own=own), INT8).agreement == 1.0


def test_verdicts_near_the_threshold_or_in_the_referral_band_are_not_counted() -> None:
    images = pair([0.41, 0.45, 0.55, 0.9], [0.55, 0.55, 0.45, 0.9])
    assert images.clear.tolist() == [False, False, False, True]
    referring = dataclasses.replace(DECISION, refer=(0.43, 0.5))
    banded = pair_scores([0, 1, 0, 1], [None] * 4, images.reference, images.outputs, referring, DECISION)
    assert banded.clear.tolist() == [True, False, True, True]
    assert gate.agreement(banded, 0.985, "float's").outcome == "failed"


@pytest.mark.parametrize(
    ("differ", "of", "outcome"),
    [(0, 20, "passed"), (1, 67, "passed"), (1, 40, "unproven"), (5, 60, "failed")],
)
def test_agreement_fails_where_images_show_it(differ: int, of: int, outcome: str) -> None:
    after = [0.1] * differ + [0.9] * (of - differ)
    clause = gate.agreement(pair([0.9] * of, after, [1] * of), 0.985, "float's")
    assert clause.outcome == outcome
    assert (clause.needed == 67) == (outcome == "unproven")


def test_images_of_one_class_leave_the_auc_unproven() -> None:
    parity = gate.judge(pair([0.6, 0.7, 0.9], [0.6, 0.7, 0.9], [1, 1, 1]), INT8)
    assert parity.auc_delta is None
    assert parity.word == "unproven"
    assert "one class" in parity.reasons[0]


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (rows([0.1, np.nan, 0.9]), "NaN"),
        (rows([0.1, np.inf, 0.9]), "NaN or infinity"),
        (rows([0.3, 0.3, 0.3]), "for every image"),
        (rows([-4.0, 0.2, 7.0]), "not probabilities"),
        (rows([0.1, 0.2]), "shape"),
    ],
)
def test_what_is_no_model_fails_whatever_the_tolerance(answers: np.ndarray, complaint: str) -> None:
    with pytest.raises(ExportError, match=complaint):
        pair_scores([0, 1, 1], [None] * 3, rows([0.1, 0.2, 0.9]), answers, DECISION, DECISION)


def test_a_model_that_hardly_moves_may_become_constant() -> None:
    assert gate.judge(pair([0.5, 0.5001], [0.5, 0.5]), EQUAL).passed


FOUR = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"), threshold=0.5)


def four_classes(n: int = 200) -> tuple[list[int], np.ndarray]:
    table = np.random.default_rng(0).dirichlet([0.3] * 4, n)
    return table.argmax(axis=1).tolist(), np.asarray(table, np.float32)


@pytest.mark.parametrize(
    "tolerance",
    [EQUAL, Tolerance(200, agreement=0.98), Tolerance(200, auc_fall=0.01, auc_fall_bound=0.03)],
)
def test_two_classes_with_a_finding_that_are_exchanged_fail(tolerance: Tolerance) -> None:
    """Their scores, sums over classes with a finding, are equal."""
    truth, before = four_classes()
    exchanged = gate.judge(
        pair_scores(truth, [None] * 200, before, before[:, [0, 2, 1, 3]], FOUR, FOUR), tolerance
    )
    assert (exchanged.agreement, exchanged.max_abs_diff) == (1.0, pytest.approx(0, abs=1e-6))
    assert exchanged.class_agreement is not None
    assert exchanged.class_agreement < 0.9
    assert exchanged.word == "failed"
    assert gate.judge(pair_scores(truth, [None] * 200, before, before, FOUR, FOUR), tolerance).passed


def test_of_two_classes_the_score_tells_all() -> None:
    parity = gate.judge(pair([0.1, 0.9], [0.1, 0.88]), EQUAL)
    assert (parity.class_agreement, parity.class_max_abs_diff) == (None, None)


def test_folds_are_judged_together() -> None:
    """Four sets that each prove nothing pass as one."""
    sets = [informed(40, seed) for seed in range(8)]
    parts = [
        pair(scores, noisy(scores, 0.12, 50 + i), truth.tolist()) for i, (truth, scores) in enumerate(sets)
    ]
    tolerance = dataclasses.replace(INT8, log_loss_rise=0.012)
    alone = [gate.judge(part, tolerance).word for part in parts]
    together = gate.judge(concatenate(parts), tolerance)
    assert "unproven" in alone
    assert (together.n, together.word) == (320, "passed")


def test_verdicts_on_changed_pictures_are_never_below_those_of_plain_calibration() -> None:
    each_once = np.arange(100)
    kept, other = np.ones(100, bool), np.ones(100, bool)
    kept[:10] = False
    assert gate.sign_test(kept, other, each_once, "changed pictures").outcome == "failed"
    assert gate.sign_test(other, kept, each_once, "changed pictures").outcome == "passed"
    kept[3:10] = True
    # Three of a hundred can be chance.
    assert gate.sign_test(kept, other, each_once, "changed pictures").outcome == "passed"


def test_one_picture_that_differs_under_every_change_is_one_trial() -> None:
    """Taken for five independent trials it would have a p-value of 1/32."""
    pictures = np.tile(np.arange(30), 5)
    kept, other = pictures != 7, np.ones(150, bool)
    assert gate.sign_test(kept, other, pictures, "changed pictures").outcome == "passed"
    # Five pictures that differ under one change each are five.
    kept = np.ones(150, bool)
    kept[:5] = False
    assert gate.sign_test(kept, other, pictures, "changed pictures").outcome == "failed"


def test_who_keeps_more_verdicts_in_all_does_not_fail_for_keeping_fewer_of_more_pictures() -> None:
    pictures = np.tile(np.arange(30), 5)
    kept, other = np.ones(150, bool), ~np.isin(pictures, range(20, 23))
    kept[:10] = False
    assert kept.sum() > other.sum()
    assert gate.sign_test(kept, other, pictures, "changed pictures").outcome == "passed"


def test_a_further_limit_only_makes_it_worse() -> None:
    good = gate.judge(pair([0.1, 0.9], [0.1, 0.9]), EQUAL)
    open_ = gate.with_criterion(good, gate.Criterion("unproven", "few"))
    failed = gate.with_criterion(open_, gate.Criterion("failed", "wrong"))
    assert (open_.passed, open_.reasons) == (None, ("few",))
    assert (failed.passed, failed.reasons) == (False, ("wrong",))
    assert gate.with_criterion(failed, gate.Criterion("unproven", "few")) == failed
    assert gate.with_criterion(failed, gate.Criterion("passed")) == failed
