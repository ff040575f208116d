"""Points of charts against the results that they are of."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bench_documents import Document
from drawn import NAMESPACE, bench_of, on_a_line, places, points, root, texts
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from edgeall.recommending import choose, front
from edgeall.recommending.constraints import latency_range
from edgeall.reporting import charts

MakeResult = Callable[..., Document]
MakeDocument = Callable[..., Document]
ESTIMATE = {
    "latency_kind": "estimated",
    "latency_ms": {"low": 20.0, "high": 45.0},
    "confidence": 0.95,
    "method": "instructions",
    "instructions": 10**9,
    "board": "Raspberry Pi 5",
    "clock_hz": 2.4e9,
    "threads": 1,
    "extrapolated": False,
    "calibration": [{"leave_one_out_error": 0.2}],
}


class TestTradeOff:
    def test_each_result_is_a_point_with_its_exact_figures(self, make_journey: MakeDocument) -> None:
        document = make_journey()
        found = points(charts.trade_off(bench_of(document)), kind="measured")
        assert {(p["artifact"], p["threads"], p["x"], p["y"], p["size"]) for p in found} == {
            (r["artifact"], repr(r["threads"]), repr(r["latency_ms"]["p50"]), repr(r["accuracy"]["value"]),
             repr(r["size_bytes"]))
            for r in document["results"]
        }  # fmt: skip

    def test_points_lie_where_the_axes_say(self, make_journey: MakeDocument) -> None:
        found = places(charts.trade_off(bench_of(make_journey())))
        assert len(found) == 24
        assert on_a_line([(math.log(float(data["x"])), x) for data, x, _ in found])
        assert on_a_line([(float(data["y"]), -y) for data, _, y in found])

    def test_intervals_are_those_that_limits_are_held_against(self, make_journey: MakeDocument) -> None:
        bench = bench_of(make_journey())
        for result, point in zip(bench.results, points_in_order(bench), strict=True):
            limit = latency_range(result, emulated=False)
            assert limit is not None
            assert float(point["x-low"]) <= float(point["x"]) <= float(point["x-high"]) == limit.high
            assert float(point["y-low"]) == result.accuracy_shown.low

    def test_the_front_is_that_of_the_recommendation(self, make_journey: MakeDocument) -> None:
        bench = bench_of(make_journey())
        ahead = {(r.artifact, str(r.threads)) for r in front(choose(bench))}
        found = points(charts.trade_off(bench), front="yes")
        assert {(point["artifact"], point["threads"]) for point in found} == ahead != set()

    def test_an_estimate_is_a_range_that_says_so(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        of_board = make_result(
            "densenet201", latency_kind="emulated", latency_ms=None, latency_estimate=ESTIMATE
        )
        chart = charts.trade_off(bench_of(make_document([of_board, make_result()])))
        ((estimated),) = points(chart, kind="estimated")
        assert "x" not in estimated
        assert (estimated["x-low"], estimated["x-high"]) == ("20.0", "45.0")
        assert "≈ estimated" in texts(chart)
        assert chart.table is not None
        assert "≈ 20.0–45.0 ms estimated" in [row[1] for row in chart.table.rows]

    def test_twenty_backbones_look_different(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        chart = charts.trade_off(bench_of(make_document([make_result(f"backbone{i}") for i in range(20)])))
        shapes = {use.attrib["href"]: use for use in root(chart).iter(f"{NAMESPACE}use")}
        assert len(shapes) >= 20

    @pytest.mark.parametrize("times", [[1e-6] * 5, [1e9] * 5, [1e-3, 1e6, 1.0, 1.0, 1.0]])
    def test_times_beyond_reason_are_drawn(
        self, times: list[float], make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        bench = bench_of(make_document([make_result(medians=times), make_result("densenet201", size_mb=0)]))
        assert len(points(charts.trade_off(bench))) == 2
        assert all(points(chart) for chart in charts.latency(bench))

    def test_a_clock_of_an_emulator_is_no_latency(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        chart = charts.trade_off(bench_of(make_document([make_result()], emulated=True)))
        assert chart.svg == ""
        assert "emulator" in chart.gap


def points_in_order(bench: Any) -> list[dict[str, str]]:
    """Points of the trade-off, one a result."""
    by_name = {(point["artifact"], point["threads"]): point for point in points(charts.trade_off(bench))}
    return [by_name[r.artifact, str(r.threads)] for r in bench.results]


class TestLatency:
    def test_a_row_holds_every_run_and_the_percentiles(self, make_journey: MakeDocument) -> None:
        document = make_journey()
        found = [p for chart in charts.latency(bench_of(document)) for p in points(chart)]
        assert len(found) == len(document["results"])
        for result in document["results"]:
            (row,) = [
                p
                for p in found
                if (p["artifact"], p["threads"]) == (result["artifact"], repr(result["threads"]))
            ]
            times = result["latency_ms"]
            assert (row["n"], row["min"], row["max"]) == (
                repr(times["n"]), repr(min(times["raw"])), repr(max(times["raw"]))
            )  # fmt: skip
            assert (row["p50"], row["p90"]) == (repr(times["p50"]), repr(times["p90"]))

    def test_an_outlier_is_on_the_axis_and_in_words(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        result = make_result()
        result["latency_ms"]["raw"][0] = 950.0
        (chart,) = charts.latency(bench_of(make_document([result])))
        assert points(chart)[0]["max"] == "950.0"
        assert "950 ms at most" in chart.description

    def test_runs_that_were_not_kept_are_told(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        result = make_result()
        result["latency_ms"]["raw"] = []
        (chart,) = charts.latency(bench_of(make_document([result])))
        assert "not kept" in chart.description

    def test_an_emulator_has_none(self, make_result: MakeResult, make_document: MakeDocument) -> None:
        (chart,) = charts.latency(bench_of(make_document([make_result()], emulated=True)))
        assert chart.gap


class TestRoc:
    def test_a_marker_lies_at_sensitivity_and_specificity(self, make_journey: MakeDocument) -> None:
        document = make_journey(subjects=8)
        by_artifact = {r["artifact"]: r for r in document["results"]}
        for chart in charts.roc(bench_of(document)):
            for data, x, y in places(chart):
                result = by_artifact[data["artifact"]]
                assert float(data["x"]) == 1 - result["specificity"]["value"]
                assert float(data["y"]) == result["sensitivity"]["value"]
                assert 0 < x < 560 < 700 > y

    def test_the_band_and_its_method_are_told(self, make_journey: MakeDocument) -> None:
        first, _ = charts.roc(bench_of(make_journey(subjects=8)))
        assert "pointwise, Korn and Graubard's intervals over subjects" in first.description
        first, _ = charts.roc(bench_of(make_journey()))
        assert "Clopper and Pearson's intervals over images" in first.description

    def test_one_subject_in_a_class_makes_no_band(self, make_journey: MakeDocument) -> None:
        first, _ = charts.roc(bench_of(make_journey(subjects=2)))
        assert "no band: a class has one subject" in first.description
        assert first.svg

    def test_artifacts_that_answer_alike_share_a_curve(self, make_journey: MakeDocument) -> None:
        first, _ = charts.roc(bench_of(make_journey()))
        assert first.table is not None
        assert [row[0] for row in first.table.rows] == [
            "float32 (ONNX, OpenVINO, TFLite)", "INT8 (ONNX)", "INT8 (OpenVINO, TFLite)"
        ]  # fmt: skip


class TestConfusion:
    def test_cells_hold_the_counts(self, make_journey: MakeDocument) -> None:
        document = make_journey()
        by_artifact = {r["artifact"]: r["confusion"] for r in document["results"]}
        cells = {(0, 0): "tn", (0, 1): "fp", (1, 0): "fn", (1, 1): "tp"}
        found = [p for chart in charts.confusion(bench_of(document)) for p in points(chart)]
        assert len(found) == 4 * 4
        for point in found:
            key = cells[int(point["row"]), int(point["column"])]
            assert int(point["count"]) == by_artifact[point["artifact"]][key]

    def test_classes_have_a_matrix_of_their_own(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        classes = {
            "labels": ["Benign", "Early", "Pre"],
            "confusion": [[7, 1, 0], [0, 6, 2], [0, 0, 6]],
            "accuracy": {"value": 19 / 22, "low": 0.6, "high": 0.95},
            "macro": {"f1": 0.8},
        }
        _, chart = charts.confusion(bench_of(make_document([make_result(classes=classes)])))
        counts = {(int(p["row"]), int(p["column"])): int(p["count"]) for p in points(chart)}
        assert [[counts[r, c] for c in range(3)] for r in range(3)] == classes["confusion"]
        assert "Benign" in texts(chart)


class TestReliability:
    def test_bins_are_those_of_scikit_learn(self, make_journey: MakeDocument) -> None:
        document = make_journey()
        for chart in charts.reliability(bench_of(document)):
            for artifact in {p["artifact"] for p in points(chart)}:
                recorded = next(r["predictions"] for r in document["results"] if r["artifact"] == artifact)
                shares, scores = calibration_curve(recorded["truth"], recorded["scores"], n_bins=10)
                found = points(chart, artifact=artifact)
                assert [float(p["x"]) for p in found] == pytest.approx(scores.tolist())
                assert [float(p["y"]) for p in found] == pytest.approx(shares.tolist())

    def test_the_bins_give_the_calibration_error_of_the_result(self, make_journey: MakeDocument) -> None:
        document = make_journey()
        by_artifact = {r["artifact"]: r for r in document["results"]}
        for chart in charts.reliability(bench_of(document)):
            for artifact in {p["artifact"] for p in points(chart)}:
                bins = points(chart, artifact=artifact)
                gaps = [int(p["n"]) * abs(float(p["x"]) - float(p["y"])) for p in bins]
                assert sum(gaps) / by_artifact[artifact]["n"] == pytest.approx(by_artifact[artifact]["ece"])
                assert sum(int(p["n"]) for p in bins) == by_artifact[artifact]["n"]

    def test_intervals_over_images_are_wilsons(self, make_journey: MakeDocument) -> None:
        first, _ = charts.reliability(bench_of(make_journey()))
        for point in points(first):
            n = int(point["n"])
            expected = binomtest(round(float(point["y"]) * n), n).proportion_ci(0.95, "wilson")
            assert float(point["y-low"]) == pytest.approx(expected.low, abs=1e-12)
            assert float(point["y-high"]) == pytest.approx(expected.high, abs=1e-12)

    def test_a_bin_of_one_subject_has_no_interval(self, make_journey: MakeDocument) -> None:
        first, _ = charts.reliability(bench_of(make_journey(subjects=2)))
        assert all("y-low" not in point for point in points(first))
        assert "no interval" in first.description


class TestSubjectHarm:
    def test_counts_are_those_of_the_predictions(self, make_journey: MakeDocument) -> None:
        document = make_journey(subjects=8)
        by_artifact = {r["artifact"]: r["predictions"] for r in document["results"]}
        for chart in charts.subject_harm(bench_of(document)):
            for point in points(chart, precision="int8"):
                recorded = by_artifact[point["artifact"]]
                those = np.asarray([s == point["subject"] for s in recorded["subjects"]])
                right = np.asarray(recorded["truth"]) == np.asarray(recorded["positive"])
                assert (int(point["n"]), int(point["right"])) == (those.sum(), right[those].sum())
                assert float(point["x"]) == right[those].mean()

    def test_the_worst_subject_comes_first_and_is_named(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        # Images 0 to 4 are of s0, 5 to 10 of s1, and so on: INT8 loses three of s1 and one of s3, and wins one of s0.
        bench = bench_of(
            make_document(
                [
                    make_result(wrong=[0], subjects=4),
                    make_result(precision="int8", wrong=[6, 7, 8, 20], base_wrong=[0], subjects=4),
                ]
            )
        )
        (chart,) = charts.subject_harm(bench)
        assert points(chart)[0]["subject"] == "s1"
        assert (
            "The worst subject is s1: float32 has 5 of 5 images right, INT8 2 (−60.0 points)."
            in chart.description
        )
        assert "fewer right in 2 subjects, more in 1, as many in 1" in chart.description

    def test_of_many_subjects_those_that_lose_most_are_drawn_and_all_are_in_the_table(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        int8 = make_result(precision="int8", wrong=[4], base_wrong=[], subjects=20)
        (chart,) = charts.subject_harm(bench_of(make_document([make_result(subjects=20), int8])))
        assert len(points(chart, precision="int8")) == 12
        assert chart.table is not None
        assert len(chart.table.rows) == 20
        assert "The 8 subjects that lose least are in the table alone." in chart.description

    def test_without_subjects_there_is_nothing_to_count(self, make_journey: MakeDocument) -> None:
        (chart,) = charts.subject_harm(bench_of(make_journey()))
        assert "subjects of the test images are not known" in chart.gap


class TestReferral:
    def test_shares_are_those_of_the_results(
        self, make_result: MakeResult, make_document: MakeDocument
    ) -> None:
        def banded(precision: str, share: float, low: float | None) -> Document:
            band = dict.fromkeys(
                ("sensitivity", "specificity", "answered_sensitivity", "answered_specificity")
            )
            referred = {"value": share, "low": low, "high": None if low is None else 0.4}
            return make_result(
                precision=precision, referral=band | {"low": 0.3, "high": 0.6, "referred": referred}
            )

        chart = charts.referral_coverage(
            bench_of(make_document([banded("float32", 0.2, 0.1), banded("int8", 0.25, None)]))
        )
        found = places(chart)
        assert [(data["x"], data.get("x-low")) for data, _, _ in found] == [("0.2", "0.1"), ("0.25", None)]
        assert "float32 refers 20.0 to 20.0% and INT8 refers 25.0 to 25.0%" in chart.description
