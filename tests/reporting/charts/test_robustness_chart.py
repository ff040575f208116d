"""The chart of corrupted pictures against the results."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_documents import Document
from drawn import bench_of, on_a_line, places, points, texts

from edgeall.reporting import charts

KINDS = ("stain", "defocus", "noise")


def point(kind: str, strength: int, accuracy: float, refused: int | None, **more: Any) -> Document:
    half = 0.5 * min(accuracy, 1 - accuracy)
    value = {"value": accuracy, "low": accuracy - half, "high": accuracy + half}
    return {
        "corruption": kind,
        "strength": strength,
        "n": 20,
        "accuracy": value,
        "auc": value,
        "refused": refused,
    } | more


def corrupted(slope: float, refused: int | None = 2, lost: bool = False) -> Document:
    difference = {
        "metric": "accuracy",
        "n": 20,
        "delta": {"value": -0.4, "low": -0.6, "high": -0.2},
        "p_value": 0.001,
        "test": "McNemar's exact test",
    }
    return {
        "most": 20,
        "unchanged": point("unchanged", 0, 0.9, 0 if refused is not None else None),
        "points": [
            point(kind, s, 0.9 - slope * s, None if refused is None else refused * s,
                  versus_clean=[difference] if lost and s == 5 else [])
            for kind in KINDS for s in range(1, 6)
        ],
    }  # fmt: skip


@pytest.fixture
def document(make_result: Callable[..., Document], make_document: Callable[..., Document]) -> Document:
    return make_document(
        [
            make_result(corruptions=corrupted(0.02)),
            make_result(precision="int8", base_wrong=[], corruptions=corrupted(0.1)),
            make_result(format="onnx", corruptions=corrupted(0.02)),
            make_result(format="onnx", precision="int8", base_wrong=[], corruptions=corrupted(0.05)),
        ]
    )


def test_each_point_holds_its_figure_and_the_refused(document: Document) -> None:
    accuracy, auc = charts.robustness(bench_of(document))
    for chart in (accuracy, auc):
        found = points(chart)
        assert len(found) == 2 * len(KINDS) * 6
        by_artifact = {result["artifact"]: result["corruptions"] for result in document["results"]}
        for each in found:
            told = by_artifact[each["artifact"]]
            every = {(p["corruption"], p["strength"]): p for p in told["points"]}
            of = every.get((each["corruption"], int(each["x"])), told["unchanged"])
            assert (each["y"], each["y-low"], each["y-high"]) == tuple(map(repr, of["accuracy"].values()))
            assert int(each["refused"]) == of["refused"]


def test_panels_share_their_axis(document: Document) -> None:
    chart, _ = charts.robustness(bench_of(document))
    for kind in KINDS:
        of_kind = [(float(d["y"]), -y) for d, _, y in places(chart)
                   if d["corruption"] == kind]  # fmt: skip
        assert on_a_line(of_kind)
    assert all(kind in texts(chart) for kind in KINDS)


def test_int8_of_the_lowest_accuracy_is_drawn_beside_its_float32(document: Document) -> None:
    chart, auc = charts.robustness(bench_of(document))
    assert {each["artifact"].rpartition("_")[2] for each in points(chart)} == {
        "tflite-float32",
        "tflite-int8",
    }
    assert "INT8 is lowest at stain 5: 40.0% [20.0–60.0]." in chart.description
    assert "INT8 is lowest at stain 5: 0.40 [0.20–0.60]." in auc.description


def test_a_loss_that_is_not_refused_is_marked(
    make_result: Callable[..., Document], make_document: Callable[..., Document]
) -> None:
    for refused, expected in ((1, "yes"), (4, "no"), (None, "yes")):
        result = make_result(corruptions=corrupted(0.1, refused, lost=True))
        chart, _ = charts.robustness(bench_of(make_document([result])))
        marks = {each["unnoticed"] for each in points(chart, x="5")}
        assert marks == {expected}
        assert ("loss, not refused" in texts(chart)) is (expected == "yes")


def test_auc_that_is_undefined_leaves_its_points_out(
    make_result: Callable[..., Document], make_document: Callable[..., Document]
) -> None:
    told = corrupted(0.1)
    for each in (told["unchanged"], *told["points"]):
        each["auc"] = None
    accuracy, auc = charts.robustness(bench_of(make_document([make_result(corruptions=told)])))
    assert accuracy.svg
    assert "undefined" in auc.gap


def test_without_corruptions_the_command_is_named(make_journey: Callable[..., Document]) -> None:
    (chart,) = charts.robustness(bench_of(make_journey()))
    assert "edgeall bench --corruptions" in chart.gap
