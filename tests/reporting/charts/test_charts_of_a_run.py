"""Charts of a run against the files of its folder."""

import json
from collections import Counter
from pathlib import Path

import pytest
from drawn import places, points
from small_run import draw, make_run

from edgeall.reporting import charts
from edgeall.reporting.charts.run_folder import MAX_BYTES, Gap
from edgeall.runs import Run

HISTORY = """phase,epoch,loss,val_loss,val_auc,accuracy,val_accuracy,rate,seconds
MobileNetV2: head,0,,0.7,0.5,,0.4,0.003,0.0
MobileNetV2: head,1,0.6,0.62,0.8,0.7,0.71,0.003,0.2
MobileNetV2: fine-tuning,0,,0.62,0.8,,0.71,0.0001,0.0
MobileNetV2: fine-tuning,1,0.4,0.5,0.9,0.8,0.81,0.0001,1.2
"""
LAYERS = """layer,kind,weights_db,own_db,total_db
Conv1,Conv,41.00,35.20,35.20
block_1_add,Add,,22.10,30.00
predictions,Gemm,44.00,38.00,25.50
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    draw(tmp_path / "data", {"healthy": 14, "all": 14})
    made = make_run(tmp_path / "small", tmp_path / "data", subjects=True)
    (made.path / "bench").mkdir()
    made.exports.mkdir(exist_ok=True)
    (made.path / "history.csv").write_text(HISTORY)
    (made.exports / "small_int8-sensitivity.csv").write_text(LAYERS)
    return made


def folder(run: Run) -> charts.RunFolder:
    return charts.beside(run.path / "bench" / "laptop.json")


def test_learning_curves_hold_each_epoch(run: Run) -> None:
    chart = charts.learning_curves(folder(run))
    found = {point["column"]: json.loads(point["y"]) for point in points(chart)}
    assert found == {
        "loss": [0.6, 0.4],
        "val_loss": [0.7, 0.62, 0.62, 0.5],
        "accuracy": [0.7, 0.8],
        "val_accuracy": [0.4, 0.71, 0.71, 0.81],
        "val_auc": [0.5, 0.8, 0.8, 0.9],
    }
    assert (
        "lowest validation loss, 0.500, is that of epoch 1 of MobileNetV2: fine-tuning" in chart.description
    )


def test_the_census_counts_images_and_subjects(run: Run) -> None:
    chart = charts.split_census(folder(run))
    found = {(p["part"], p["label"]): (int(p["x"]), int(p["subjects"])) for p in points(chart)}
    for part in ("train", "val", "test"):
        members = run.split.part(part)
        images = Counter(member.label for member in members)
        for label in run.decision.labels:
            subjects = {member.subject for member in members if member.label == label}
            assert found[part, label] == (images[label], len(subjects))
    assert chart.description.startswith("Split by subject: training")


def test_layers_come_in_order_with_the_worst_named(run: Run) -> None:
    chart = charts.layer_sensitivity(folder(run))
    found = [(data["layer"], data["y"]) for data, _, _ in places(chart)]
    assert found == [("Conv1", "35.2"), ("block_1_add", "22.1"), ("predictions", "38.0")]
    assert "Lowest alone: block_1_add (22.1 dB)" in chart.description
    assert chart.table is not None
    assert chart.table.rows[1] == ("block_1_add", "Add", "–", "22.1", "30")


def test_a_layer_table_that_was_never_made_names_the_command(run: Run) -> None:
    (run.exports / "small_int8-sensitivity.csv").unlink()
    assert "edgeall export small --sensitivity" in charts.layer_sensitivity(folder(run)).gap


@pytest.mark.parametrize(
    "damaged",
    [
        HISTORY.replace("0.62", "NaN"),
        HISTORY.replace("0.62", "x"),
        HISTORY.replace(",loss,", ",", 1),
        HISTORY[:-30],
        "",
        "phase\n",
        "\0",
        HISTORY.replace("MobileNetV2", '"'),
    ],
)
def test_a_damaged_history_is_a_gap(run: Run, damaged: str) -> None:
    (run.path / "history.csv").write_text(damaged)
    chart = charts.learning_curves(folder(run))
    assert chart.svg == ""
    assert "history.csv" in chart.gap


def test_bytes_that_are_no_text_are_a_gap(run: Run) -> None:
    (run.path / "history.csv").write_bytes(b"\xff\xfe\x00")
    assert "damaged" in charts.learning_curves(folder(run)).gap


def test_a_table_beyond_reason_is_not_read(run: Run) -> None:
    with (run.path / "history.csv").open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    assert "larger than 4 MiB" in charts.learning_curves(folder(run)).gap


def test_a_damaged_run_is_a_gap_and_its_other_files_are_read(run: Run) -> None:
    (run.path / "run.json").write_text("{")
    found = folder(run)
    assert isinstance(found.run, Gap)
    assert "cannot be read" in charts.split_census(found).gap
    assert charts.learning_curves(found).svg


def test_equal_folders_elsewhere_give_equal_bytes(run: Run, tmp_path: Path) -> None:
    first = charts.learning_curves(folder(run))
    (tmp_path / "moved").mkdir()
    moved = run.path.rename(tmp_path / "moved" / "small")
    assert charts.learning_curves(charts.read_folder(moved)) == first
