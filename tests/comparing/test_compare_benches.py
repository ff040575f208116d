"""Bench results side by side: those of a real bench, and what would have come of it had it gone otherwise."""

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_run import make_answered_run
from rich.console import Console
from small_run import draw, make_artifact, make_run
from tiny_bench import bench

from edgeall.comparing import Outcome, Tolerances, compare, paragraphs, rankings, table, to_json
from edgeall.errors import MeasurementError, UsageError
from edgeall.measuring.plan import BenchSettings
from edgeall.statistics import proportion
from edgeall.targets import load_profile

SHORT = BenchSettings(
    rounds=2, threads=(1, 2), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)
Document = dict[str, Any]
Change = Callable[[Document], Any]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """ONNX float32 and INT8 of one run, with one and two threads."""
    folder = tmp_path_factory.mktemp("bench")
    draw(folder / "data", {"healthy": 12, "all": 12})
    run = make_run(folder / "runs" / "tiny", folder / "data", test=20)
    paths = [make_artifact(run, "onnx", precision).path for precision in ("float32", "int8")]
    return bench(paths, load_profile("laptop"), SHORT)


@pytest.fixture
def against(measured: Document, tmp_path: Path) -> Callable[..., Outcome]:
    """The bench against what each change makes of it."""

    def call(*changes: Change, **options: Any) -> Outcome:
        paths = []
        for number, change in enumerate([lambda document: None, *changes]):
            document = copy.deepcopy(measured)
            for result in document["results"]:
                # A bench of another day, except where a change says otherwise.
                for kept in result["latency_ms"]["rounds"]:
                    kept["session"] = number
            change(document)
            paths.append(tmp_path / f"bench{number}.json")
            paths[-1].write_text(json.dumps(document))
        return compare(paths, **options)

    return call


def rows(document: Document, **keys: Any) -> list[Document]:
    return [row for row in document["results"] if all(row[key] == value for key, value in keys.items())]


def err(document: Document, *, images: int) -> None:
    """The verdicts on the first images turned round."""
    for row in document["results"]:
        said = row["predictions"]
        row |= {"confusion": None, "f1": None, "auc": None}
        for index in range(images):
            said["positive"][index] = not said["truth"][index]
            said["scores"][index] = 0.0 if said["truth"][index] else 1.0
        for index in range(images, len(said["truth"])):
            said["positive"][index] = said["truth"][index]
        # A result whose figures are not those of its predictions is refused.
        truth, positive = np.array(said["truth"]), np.array(said["positive"])
        parts = {"accuracy": truth | True, "sensitivity": truth, "specificity": ~truth}
        for key, those in parts.items():
            found = proportion(int((truth == positive)[those].sum()), int(those.sum()))
            assert found is not None
            row[key] = found.to_dict()


def test_a_bench_against_itself_differs_in_nothing(against: Callable[..., Outcome]) -> None:
    def same_session(document: Document) -> None:
        for row in document["results"]:
            for kept in row["latency_ms"]["rounds"]:
                kept["session"] = 0

    outcome = against(same_session)
    assert [str(c.place) for c in outcome.comparisons] == [
        "ONNX float32, 1 thread",
        "ONNX float32, 2 threads",
        "ONNX INT8, 1 thread",
        "ONNX INT8, 2 threads",
    ]
    assert outcome.worse == ()
    for comparison in outcome.comparisons:
        assert comparison.common == 20
        assert {d.metric: d.delta.value for d in comparison.differences} == {
            "accuracy": 0.0, "sensitivity": 0.0, "specificity": 0.0, "auc": 0.0,
        }  # fmt: skip
        assert {r.metric: r.ratio.value for r in comparison.ratios} == {
            "latency": pytest.approx(1.0), "memory": 1.0, "size": 1.0,
        }  # fmt: skip
        assert comparison.ratios[0].interleaved
    assert "none is worse beyond a tolerance" in paragraphs(outcome)[0]


def test_slower_is_worse_by_the_ratio_observed(against: Callable[..., Outcome]) -> None:
    def slower(document: Document) -> None:
        for row in rows(document, precision="int8", threads=2):
            for kept in row["latency_ms"]["rounds"]:
                kept["median"] *= 1.5

    outcome = against(slower)
    assert [(str(w.place), w.figure.metric) for w in outcome.worse] == [("ONNX INT8, 2 threads", "latency")]
    text = " ".join(paragraphs(outcome))
    assert "Of 4 comparisons with bench0 one is worse beyond a tolerance" in text
    assert "beyond the tolerance of 1.1x, a difference that cannot be tested here" in text
    assert "not measured in turn" in text
    assert against(slower, tolerances=Tolerances(latency=1.6)).worse == ()


def test_lost_verdicts_are_worse_and_tested_once_for_all_thread_counts(
    against: Callable[..., Outcome],
) -> None:
    outcome = against(lambda document: err(document, images=9), tolerances=Tolerances(latency=9.0))
    assert {w.figure.metric for w in outcome.worse} == {"accuracy", "auc"}
    one, two, *_ = (c.difference("accuracy") for c in outcome.comparisons)
    assert one is not None
    assert one == two
    # Float and INT8 were tested, not each with every thread count.
    assert one.p_adjusted == pytest.approx(min(1.0, 2 * one.p_value))


def test_three_benches_make_a_ranking_of_each_artifact_whatever_its_threads(
    against: Callable[..., Outcome],
) -> None:
    found = rankings(
        against(lambda document: err(document, images=12), lambda document: err(document, images=0))
    )
    assert [(str(r.place), r.pairs) for r in found] == [
        ("ONNX float32, 1 thread", 3),
        ("ONNX INT8, 1 thread", 3),
    ]
    for ranking in found:
        assert [name for name, _ in ranking.order] == ["bench2", "bench0", "bench1"]
        assert ("bench2", "bench1") in ranking.supported


def test_another_backbone_may_take_the_place(against: Callable[..., Outcome]) -> None:
    def renamed(document: Document) -> None:
        for row in document["results"]:
            row["backbone"] = "densenet201"

    outcome = against(renamed)
    assert len(outcome.comparisons) == 4
    assert outcome.sources[1].backbone == "densenet201"


def test_of_two_backbones_each_is_compared_with_itself(against: Callable[..., Outcome]) -> None:
    def joined(document: Document) -> None:
        other = copy.deepcopy(rows(document, precision="int8"))
        for row in other:
            row |= {"backbone": "densenet201", "run": "dense", "artifact": f"dense{row['threads']}.onnx"}
        document["results"] += other

    outcome = against(joined)
    assert [c.place.backbone for c in outcome.comparisons if c.place is not None] == ["mobilenetv2"] * 4
    assert [(name, place.backbone) for name, place in outcome.unmatched] == [("bench1", "densenet201")] * 2
    assert "Not in every file" in " ".join(paragraphs(outcome))


def test_nothing_in_common_cannot_be_compared(against: Callable[..., Outcome]) -> None:
    def other_format(document: Document) -> None:
        for row in document["results"]:
            row["format"] = "tflite"

    with pytest.raises(UsageError, match="no result of the same format, precision and threads"):
        against(other_format)


def test_several_results_of_one_place_cannot_be_told_apart(against: Callable[..., Outcome]) -> None:
    def twice(document: Document) -> None:
        document["results"].append(document["results"][0] | {"artifact": "copy.onnx"})

    with pytest.raises(
        UsageError, match=r"bench1\.json: holds several results of tiny ONNX float32, 1 thread"
    ):
        against(twice)


def test_an_emulators_results_are_compared_by_their_answers_alone(against: Callable[..., Outcome]) -> None:
    def emulated(document: Document) -> None:
        document["device"] |= {"name": "rpi5", "emulated": True}
        for row in document["results"]:
            row |= {
                "latency_kind": "emulated",
                "latency_ms": None,
                "end_to_end_ms": None,
                "cold_start_ms": None,
            }

    outcome = against(emulated)
    assert all([r.metric for r in c.ratios] == ["size"] for c in outcome.comparisons)
    text = " ".join(paragraphs(outcome))
    assert "The devices differ" in text
    assert "Latencies that are emulated enter no ratio." in text


def test_results_without_answers_stand_side_by_side(against: Callable[..., Outcome]) -> None:
    def forgotten(document: Document) -> None:
        for row in document["results"]:
            row["predictions"] = None
            row["accuracy"] = {"value": 0.5, "low": 0.3, "high": 0.7}
            row["accuracy_over_subjects"] = None

    outcome = against(forgotten)
    assert not any(c.paired for c in outcome.comparisons)
    assert "accuracy" in {w.figure.metric for w in outcome.worse}


def test_a_run_and_a_result_are_not_compared(against: Callable[..., Outcome], tmp_path: Path) -> None:
    run = make_answered_run(tmp_path / "run").path
    file = against(lambda document: None).sources[0].path
    with pytest.raises(UsageError, match="compare runs with runs"):
        compare([run, file])


def test_a_file_that_is_no_result_is_refused(against: Callable[..., Outcome], tmp_path: Path) -> None:
    file = against(lambda document: None).sources[0].path
    (tmp_path / "other.json").write_text('{"schema": 1}')
    with pytest.raises(MeasurementError, match=r"other\.json"):
        compare([file, tmp_path / "other.json"])


def test_files_of_one_name_are_called_by_their_paths(measured: Document, tmp_path: Path) -> None:
    for run in ("mobile", "dense"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "laptop.json").write_text(json.dumps(measured))
    outcome = compare([tmp_path / "mobile" / "laptop.json", tmp_path / "dense" / "laptop.json"])
    assert [source.name for source in outcome.sources] == [str(source.path) for source in outcome.sources]


def test_table_and_document_hold_every_figure(against: Callable[..., Outcome]) -> None:
    outcome = against(lambda document: err(document, images=9))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(outcome))
    text = console.export_text()
    for words in (
        "bench1, ONNX INT8, 2 threads",
        "latency, ms",
        "peak memory, MB",
        "size, MB",
        "sensitivity, %",
    ):
        assert words in text
    ratio = to_json(outcome)["comparisons"][0]["ratios"]["latency"]
    assert set(ratio) == {"a", "b", "ratio", "interval", "interleaved", "supported", "beyond_tolerance"}
