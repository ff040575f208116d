"""What people read of a gate: the same words wherever an artifact is exported, looked into or used."""

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgeall.artifact import Noise, Parity, ShiftAgreement
from edgeall.cli import export, export_tables, outcome
from edgeall.cli.display import Display
from edgeall.exporting import Exported, ExportOutcome, FailedTask
from edgeall.exporting.attempts import Speed
from edgeall.exporting.pooling import PooledParity

PASSED = Parity(
    66, 0.97, 0.2, 0.034, True,
    auc_delta=0.012, auc_delta_low=-0.006, auc_delta_high=0.03,
    outcome="passed", clear=57, clear_agreement=0.985,
    log_loss_delta=-0.018, log_loss_delta_low=-0.04, log_loss_delta_high=0.01, over="subjects",
    noise=Noise(0.073, 0.037, 0.094),
    shifts=(ShiftAgreement("blur", 34, 0.97, 0.94), ShiftAgreement("stain", 0, None)),
)  # fmt: skip
UNPROVEN = dataclasses.replace(
    PASSED,
    passed=None,
    outcome="unproven",
    reasons=("a fall of AUC is not excluded", "nor a rise of log-loss"),
    needed=310,
)
FAILED = dataclasses.replace(PASSED, passed=False, outcome="failed", reasons=("AUC falls",))
OLD = Parity(40, 0.95, 0.2, 0.03, False)
SLOW = Speed(0.98, 0.96, 1.01, "Some CPU (no INT8 dot product)", 4.2)
QUICK = Speed(0.47, 0.45, 0.49, "Some CPU (avx512_vnni)", 3.4)


def exported(parity: Parity = PASSED, **changes: Any) -> Exported:
    values: dict[str, Any] = {
        "path": Path("runs/cells/exports/cells_onnx-int8.onnx"),
        "run": "cells",
        "backbone": "mobilenetv2",
        "recipe": "onnx-int8",
        "format": "onnx",
        "precision": "int8",
        "size_bytes": 2_500_000,
        "sha256": "0" * 64,
        "seconds": 12.34,
        "parity": parity,
        "inputs": "1" * 64,
        "method": "min-max",
        "speed": QUICK,
    }
    return Exported(**(values | changes))


def told(
    capsys: pytest.CaptureFixture[str],
    *artifacts: Exported,
    failures: tuple[FailedTask, ...] = (),
    **more: Any,
) -> tuple[int, list[str]]:
    """The exit status, and the lines on standard error."""
    pooled = more.get("pooled", {})
    status = export._status(ExportOutcome(artifacts, failures), pooled, more.get("of_folds", ()), Display())
    return status, capsys.readouterr().err.splitlines()


def shown(table: Any) -> str:
    """Its text without the lines of its frame, between words one blank."""
    file = io.StringIO()
    Console(file=file, width=250, color_system=None).print(table)
    return " ".join(re.sub("[─-╿]", " ", file.getvalue()).split())


@pytest.mark.parametrize(
    ("parity", "words"),
    [
        (PASSED, "passed on 66 images"),
        (
            UNPROVEN,
            "unproven on 66 images: a fall of AUC is not excluded; nor a rise of log-loss; about 310 images like "
            "these would decide",
        ),
        (
            dataclasses.replace(UNPROVEN, needed=None),
            "unproven on 66 images: a fall of AUC is not excluded; nor a rise of log-loss",
        ),
        (FAILED, "FAILED on 66 images: AUC falls"),
        (OLD, "FAILED on 40 images: decisions agree 95.0%, mean |Δp| 0.0300"),
        (dataclasses.replace(OLD, passed=True), "passed on 40 images"),
    ],
)
def test_an_outcome_in_words(parity: Parity, words: str) -> None:
    assert outcome.outcome(parity) == words


def test_one_that_passed_needs_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, exported()) == (0, [])


def test_an_unproven_one_is_a_warning_with_the_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    status, (line,) = told(capsys, exported(UNPROVEN))
    assert status == 0
    assert line == (
        "warning: runs/cells/exports/cells_onnx-int8.onnx: parity unproven on 66 images: a fall of AUC is not "
        "excluded; nor a rise of log-loss; about 310 images like these would decide; 'edgeall train --folds K' and "
        "then 'edgeall export NAME.folds' pool the images of all folds"
    )


def test_a_failed_one_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, (line,) = told(capsys, exported(FAILED))
    assert status == 1
    assert line == "edgeall: runs/cells/exports/cells_onnx-int8.onnx: parity FAILED on 66 images: AUC falls"


def test_what_could_not_be_made_fails_beside_what_passed(capsys: pytest.CaptureFixture[str]) -> None:
    failure = FailedTask("cells", "tflite-int8", "no such operator")
    status, lines = told(capsys, exported(), failures=(failure,))
    assert (status, lines) == (1, ["edgeall: cells tflite-int8: no such operator"])
    assert told(capsys, failures=(failure,))[0] == 2


@pytest.mark.parametrize(("parity", "status"), [(PASSED, 0), (UNPROVEN, 0), (FAILED, 1)])
def test_the_pooled_outcome_counts_and_is_told(
    parity: Parity, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("runs/cells.folds")
    together = {folder: [PooledParity("onnx-int8", ("fold-1", "fold-2"), parity)]}
    found, lines = told(capsys, exported(), pooled=together)
    assert found == status
    words = [] if parity is PASSED else [outcome.outcome(parity)]
    assert [line.partition("2 folds pooled: parity ")[2] for line in lines] == words
    table = shown(export_tables.pooled(folder, together[folder]))
    assert "onnx-int8 2 66 +0.012 -0.018 98.5% of 57 0.034 (own 0.037-0.094)" in table
    assert table.endswith(export_tables.word(parity))


def test_a_fold_is_not_told_to_pool_what_is_pooled(capsys: pytest.CaptureFixture[str]) -> None:
    @dataclasses.dataclass
    class Fold:
        exports: Path

    folds = [Fold(Path("runs/cells/exports"))]
    _, (line,) = told(capsys, exported(UNPROVEN), of_folds=folds)
    assert line.endswith("about 310 images like these would decide")


@pytest.mark.parametrize(
    ("speed", "lines"),
    [
        (QUICK, []),
        (None, []),
        (
            SLOW,
            [
                "warning: runs/cells/exports/cells_onnx-int8.onnx: takes 0.98 times as long as float32 (95 % "
                "interval 0.96 to 1.01) on Some CPU (no INT8 dot product): INT8 is less than 1.05 times as fast and "
                "not recommended there"
            ],
        ),
    ],
)
def test_int8_that_saves_no_time_is_a_warning(
    speed: Speed | None, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, exported(speed=speed)) == (0, lines)


def test_the_table_has_a_row_an_artifact() -> None:
    table = shown(export_tables.artifacts([exported(), exported(UNPROVEN, speed=None, cached=True)]))
    figures = "66 +0.012 -0.018 98.5% of 57 0.034 (own 0.037-0.094)"
    assert f"cells_onnx-int8.onnx int8 2.50 12.3 {figures} x0.47 passed min-max" in table
    assert f"cached {figures} - unproven min-max" in table
    assert "left in float" not in table
    assert "own: changes of the Keras model's own score" in table
    assert "FAILED" in shown(export_tables.artifacts([exported(FAILED)]))


def test_what_stays_in_float_has_a_column_where_something_does() -> None:
    table = shown(export_tables.artifacts([exported(left_in_float=("softmax",)), exported()]))
    assert "left in float" in table
    assert "min-max softmax" in table


def test_figures_that_an_artifact_lacks_are_a_dash() -> None:
    table = shown(export_tables.artifacts([exported(OLD, method=None, speed=None, precision="float32")]))
    assert "float32 2.50 12.3 40 - - - 0.03 - FAILED -" in table
    assert "own" not in table


def test_shifts_are_a_table_of_their_own() -> None:
    table = shown(export_tables.shifts([exported()]))
    assert "artifact blur stain cells_onnx-int8.onnx 97% of 34 (94%) -" in table
    assert "in brackets: with the format's own calibration" in table
    alone = dataclasses.replace(PASSED, shifts=(ShiftAgreement("blur", 34, 0.97, 0.97),))
    assert "in brackets" not in shown(export_tables.shifts([exported(alone)]))
