"""A recommendation under limits rests on what the results show, and says what they do not."""

import textwrap
from typing import Any

import pytest
from bench_documents import document, journey, result

from edgeall import results
from edgeall.recommending import Constraints, Recommendation, recommend
from edgeall.reporting import judge

MANY = {"negatives": 200, "positives": 200}
QUICK = (5.0, 5.1, 4.9, 5.0, 5.0)
SLOW = (95.0, 96.1, 94.2, 95.3, 95.9)
FAILED = {"n": 20, "agreement": 0.5, "max_abs_diff": 0.9, "mean_abs_diff": 0.4, "passed": False}
UNPROVEN = FAILED | {"n": 66, "passed": None, "outcome": "unproven"}


def asked(
    *measured: dict[str, Any], formats: Any = None, changes: dict[str, Any] | None = None, **limits: float
) -> Recommendation:
    (bench,) = results.merge([("laptop.json", document(measured, **(changes or {})))])
    return recommend(bench, Constraints(**limits), formats)


def reasons(found: Recommendation) -> list[list[str]]:
    return [each["reasons"] for each in found.to_dict()["candidates"]]


class TestLimits:
    def test_sensitivity_is_held_against_the_lower_end_of_its_interval(self) -> None:
        found = asked(result(wrong=[], positives=10), min_sensitivity=0.95)
        assert found.chosen is None
        assert reasons(found) == [["--min-sensitivity: sensitivity may be as low as 72.2%: 95.0% not shown"]]
        assert "the data do not decide" in found.take.lower()
        assert asked(result(**MANY), min_sensitivity=0.95).chosen is not None

    def test_sensitivity_counts_people_where_they_are_known(self) -> None:
        few_people = result(subjects=10, **MANY)
        few_people["sensitivity_over_subjects"] = {"value": 1.0, "low": 0.7, "high": 1.0}
        assert asked(few_people, min_sensitivity=0.95).chosen is None

    def test_sensitivity_without_an_interval_is_not_shown_whatever_its_value(self) -> None:
        alone = result(**MANY, sensitivity={"value": 1.0, "low": None, "high": None})
        found = asked(alone, min_sensitivity=0.95)
        assert found.chosen is None
        assert reasons(found) == [["--min-sensitivity: sensitivity without an interval: 95.0% not shown"]]
        assert found.take == "nothing. The data do not decide whether the limits are kept."

    def test_a_figure_below_the_limit_is_no_question_of_more_data(self) -> None:
        found = asked(result(wrong=range(200, 300), **MANY), min_sensitivity=0.95)
        assert reasons(found) == [["--min-sensitivity: sensitivity 50.0% below 95.0%"]]
        assert "No artifact may be taken" in found.take

    def test_measured_latency_is_held_against_the_upper_end_over_rounds(self) -> None:
        unsteady = result(medians=(8.0, 12.0, 9.0, 11.0))
        assert asked(unsteady, max_latency_ms=10.6).chosen is None
        ((reason,),) = reasons(asked(unsteady, max_latency_ms=10.6))
        assert reason.startswith("--max-latency: latency may reach 13.")
        assert reason.endswith("(interval over rounds): 10.6 ms not shown")
        assert asked(unsteady, max_latency_ms=14.0).chosen is not None

    def test_with_one_round_p90_counts(self) -> None:
        single = result(medians=(10.0,))
        single["latency_ms"] |= {"p50": 10.0, "p90": 12.0}
        assert reasons(asked(single, max_latency_ms=11.0)) == [
            ["--max-latency: latency may reach 12.0 ms (p90, for want of rounds): 11.0 ms not shown"]
        ]

    def test_an_estimate_is_held_against_the_upper_end_of_its_range(self) -> None:
        estimate = {
            "latency_kind": "estimated",
            "latency_ms": {"low": 20.0, "high": 40.0},
            "method": "instructions",
            "board": "rpi5",
            "clock_hz": 2.4e9,
            "threads": 1,
            "extrapolated": False,
            "calibration": [{"leave_one_out_error": 0.3}],
        }
        emulated = result(kind="emulated", latency_estimate=estimate)
        changes = {"emulated": True}
        found = asked(emulated, changes=changes, max_latency_ms=45.0)
        assert found.chosen is not None
        assert "≈ up to 40.0 ms estimated" in found.take
        assert any("estimated, not measured" in text for text in found.not_known)
        assert asked(emulated, changes=changes, max_latency_ms=30.0).chosen is None
        assert reasons(asked(emulated, changes=changes)) == [["no latency was measured there"]]

    def test_the_clock_of_an_emulator_is_no_latency(self) -> None:
        clocked = result() | {"latency_kind": "measured"}
        found = asked(clocked, changes={"emulated": True}, max_latency_ms=500.0)
        assert reasons(found) == [["--max-latency: latency not measured there, nor estimated"]]

    def test_memory_that_is_not_known_is_not_shown_to_be_small(self) -> None:
        found = asked(result(peak_rss_bytes=None), max_memory_bytes=1e9)
        assert reasons(found) == [["--max-memory: peak memory not measured there"]]

    @pytest.mark.parametrize(
        ("limit", "said"),
        [
            ({"max_size_bytes": 8e6}, "--max-size: size 9.00 MB above 8.00 MB"),
            ({"max_memory_bytes": 100e6}, "--max-memory: peak memory 120 MB above 100 MB"),
            ({"max_latency_ms": 5.0}, "--max-latency: latency "),
            ({"min_specificity": 0.99}, "--min-specificity: specificity may be as low as "),
            ({"min_accuracy": 0.99}, "--min-accuracy: accuracy may be as low as "),
            ({"min_auc": 0.9999}, "--min-auc: AUC "),
        ],
    )
    def test_each_names_its_option_and_figure(self, limit: dict[str, float], said: str) -> None:
        ((reason,),) = reasons(asked(result(), **limit))
        assert reason.startswith(said)

    def test_the_nearest_miss_is_named_and_what_each_limit_excludes(self) -> None:
        near = result(size_mb=9.0)
        far = result("densenet201", size_mb=73.0, medians=SLOW)
        found = asked(near, far, max_size_bytes=8e6, max_latency_ms=50.0)
        assert (
            found.because[0] == "Nearest: mobilenetv2 TFLite float32 on 1 thread: size 9.00 MB above 8.00 MB."
        )
        assert found.because[1] == "Excluded, of 2 measured: --max-latency 1, --max-size 2."


class TestWhatDoesNotRunThere:
    def test_what_failed_there_is_not_taken_and_named(self) -> None:
        failure = {
            "artifact": "runs/x/x_openvino-int8.xml",
            "sha256": "x",
            "error": "object is not initialized",
        }
        found = asked(result(), changes={"failures": [failure]})
        absent = found.to_dict()["candidates"][-1]
        assert (absent["artifact"], absent["feasible"]) == (failure["artifact"], False)
        assert absent["reasons"] == ["did not run there: object is not initialized"]
        assert any(text.startswith(failure["artifact"]) for text in found.because)

    @pytest.mark.parametrize(
        ("failure", "taken"),
        [
            ({"kind": "accuracy", "threads": 1}, False),
            ({"kind": "latency", "threads": 1, "round": 2}, False),
            ({"kind": "latency", "threads": 4, "round": 2}, True),
            ({"kind": "batch", "threads": 1, "batch": 64}, True),
        ],
    )
    def test_a_failure_counts_for_what_it_concerns(self, failure: dict[str, Any], taken: bool) -> None:
        one = result()
        failed = failure | {"artifact": one["artifact"], "sha256": one["sha256"], "error": "killed"}
        found = asked(one, changes={"failures": [failed]})
        assert (found.chosen is not None) is taken
        (bench,) = results.merge([("laptop.json", document([one], failures=[failed]))])
        assert (judge(bench).artifact is not None) is taken

    def test_wrong_golden_answers(self) -> None:
        found = asked(result(selftest={"difference": 3.0, "milliseconds": 2.0}))
        assert reasons(found) == [["its golden pictures get other answers there than when it was made"]]

    def test_a_format_that_the_profile_does_not_run(self) -> None:
        found = asked(result(format="openvino"), result(format="onnx"), formats=("tflite", "onnx"))
        assert found.chosen is not None
        assert found.chosen.format == "onnx"
        assert ["the device's profile does not run openvino"] in reasons(found)

    def test_failed_parity_rules_out_and_unproven_parity_is_said(self) -> None:
        assert reasons(asked(result(parity=FAILED))) == [["failed the parity check"]]
        found = asked(result(parity=UNPROVEN))
        assert found.chosen is not None
        assert any("66 images leave its parity unproven" in text for text in found.not_known)


class TestSpeed:
    def test_a_pair_is_tested_only_where_its_interval_excludes_0(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A permutation test takes fifty times as long as an interval, and a front has hundreds of pairs."""
        from edgeall.statistics import paired

        tested: list[int] = []
        monkeypatch.setattr(paired, "_sign_flip", lambda *given: tested.append(1) or 1.0)
        people = {"negatives": 90, "positives": 90, "subjects": 60}
        alike = [result(f"net{i}", wrong=[i], medians=(10.0,), size_mb=9.0, **people) for i in range(8)]
        assert asked(*alike).chosen is not None
        assert not tested


class TestChoice:
    def test_without_limits_it_is_the_verdict_of_the_report(self) -> None:
        (bench,) = results.merge([("laptop.json", journey())])
        found, verdict = recommend(bench), judge(bench)
        assert found.chosen is not None
        assert (found.chosen.artifact, found.chosen.threads) == (verdict.artifact, verdict.threads)

    def test_one_that_is_shown_to_be_less_accurate_is_passed_over(self) -> None:
        poor = result(wrong=range(60), medians=QUICK, **MANY)
        good = result("densenet201", medians=SLOW, size_mb=73.0, **MANY)
        found = asked(poor, good)
        assert found.chosen is not None
        assert found.chosen.backbone == "densenet201"
        assert {r.backbone for r in found.front} == {"mobilenetv2", "densenet201"}
        assert asked(poor, good, max_latency_ms=50.0).chosen is not None

    def test_what_is_faster_and_shown_to_be_worse_is_named(self) -> None:
        good = [result(f"net{i}", wrong=[i], medians=SLOW, **MANY) for i in range(2)]
        found = asked(result(wrong=range(60), medians=QUICK, **MANY), *good)
        assert (
            "Faster, but shown to be worse in accuracy or AUC: mobilenetv2 TFLite float32." in found.because
        )

    def test_two_that_are_not_told_apart_are_equal_and_the_smaller_is_taken(self) -> None:
        found = asked(
            result(format="onnx", medians=(10.0, 9.0, 11.0, 10.2), size_mb=9.0),
            result(format="tflite", medians=(10.1, 10.4, 9.5, 10.4), size_mb=8.0),
        )
        assert found.chosen is not None
        assert found.chosen.format == "tflite"
        assert found.because[0].startswith("The smallest of 2 not told apart in speed, of 2 ")
        assert [r.format for r in found.front] == ["tflite"]

    def test_a_shown_difference_in_one_respect_each_keeps_both_on_the_front(self) -> None:
        small = result(format="onnx", medians=SLOW, size_mb=2.0)
        quick = result(format="tflite", medians=QUICK, size_mb=9.0)
        assert len(asked(small, quick).front) == 2
        assert [r.format for r in asked(small | {"size_bytes": 10_000_000}, quick).front] == ["tflite"]

    def test_int8_without_a_gain_in_time_is_of_use_where_float32_is_too_large(self) -> None:
        pair = (result(), result(precision="int8", base_wrong=[], size_mb=2.5))
        without, under = asked(*pair), asked(*pair, max_size_bytes=5e6)
        assert without.chosen is not None
        assert without.chosen.precision == "float32"
        assert under.chosen is not None
        assert under.chosen.precision == "int8"

    def test_where_each_is_shown_to_be_worse_in_something_the_data_do_not_decide(self) -> None:
        # One is right more often at its threshold; the other ranks better.
        ranks = result("densenet201", wrong=range(60), medians=SLOW, **MANY)
        right = result(wrong=range(20), medians=QUICK, **MANY)
        ranks["predictions"]["scores"] = [0.5 if i < 60 else 0.1 if i < 200 else 0.9 for i in range(400)]
        right["predictions"]["scores"] = [0.99 if i < 20 else 0.1 if i < 200 else 0.9 for i in range(400)]
        ranks["auc"] = {"value": 1.0, "low": 0.99, "high": 1.0}
        right["auc"] = {"value": 0.9, "low": 0.87, "high": 0.93}
        found = asked(ranks, right)
        assert found.chosen is None
        assert "do not decide" in found.take
        assert found.to_dict()["choice"] is None
        (bench,) = results.merge([("laptop.json", document([ranks, right]))])
        assert judge(bench).of("recommendation")[0] == "Nothing. The data do not decide."

    def test_a_difference_of_pretraining_is_said(self) -> None:
        mixed = asked(result(), result("densenet201", weights="random weights", medians=SLOW))
        said = (
            "mobilenetv2 was pretrained, densenet201 was not: their difference is not the backbones' alone."
        )
        assert said in mixed.because
        alike = asked(result(), result("densenet201", medians=SLOW))
        assert not any("pretrained" in text for text in alike.because)

    def test_nothing_measured(self) -> None:
        found = asked()
        assert (found.chosen, found.front) == (None, ())
        assert "no results" in found.take.lower()

    def test_the_answer_fits_three_lines_of_three_lines_each(self) -> None:
        (bench,) = results.merge([("laptop.json", journey(weights="random", subjects=8, data="synthetic"))])
        for limits in (Constraints(), Constraints(max_latency_ms=1.0, max_size_bytes=1e3, min_auc=0.99)):
            lines = recommend(bench, limits).lines()
            assert [line.partition(":")[0] for line in lines] == ["Take this", "Because", "Not known"]
            assert all(len(textwrap.wrap(line, 80)) <= 3 for line in lines)
