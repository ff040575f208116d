"""What earlier versions wrote is read, and says now what it said then: `samples/` and its README."""

import json
import shutil
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ai_edge_litert", reason="samples are of every engine")
pytest.importorskip("onnxruntime", reason="samples are of every engine")
pytest.importorskip("openvino", reason="samples are of every engine")
pytest.importorskip("sklearn", reason="report and compare need it")

from make_samples import SAID, documents

from edgeall import predictions, runs
from edgeall.cli.main import main

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.tar.xz"))
ROUNDED = 1e-5
"""Two float engines, or two processors, differ by less."""
STEP = 1 / 256
"""Of an INT8 model's output."""
INT8 = {".onnx": 5 * STEP, ".tflite": STEP, ".xml": STEP}
"""ONNX Runtime's sums of 8-bit products saturate on processors without VNNI, which moves an answer by up to 4 steps."""
WORDS = frozenset({"usage", "words", "statements", "intended_use"})
"""Text for people, which may change."""
CLOCK = frozenset({"ms"})
ENGINE = frozenset({"engine", "executed_precision"})
"""Of the engine and the processor that run it now."""
METHODS = frozenset({"low", "high", "interval", "p_value", "p_adjusted", "test", "supported"})
"""What `compare` works out anew, by the methods of the version that runs."""


@cache
def said(sample: Path) -> list[dict[str, Any]]:
    """Commands, with the status and the documents that they gave when the sample was made."""
    with tarfile.open(sample) as archive:
        file = archive.extractfile(SAID)
        assert file is not None
        found: list[dict[str, Any]] = json.load(file)
    return found


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """A folder for each sample."""
    places = {}
    for sample in SAMPLES:
        places[sample] = tmp_path_factory.mktemp("sample")
        shutil.unpack_archive(sample, places[sample])
    return places


CASES = [
    pytest.param(sample, number, id=f"{sample.name}: {' '.join(each['words'])}")
    for sample in SAMPLES
    for number, each in enumerate(said(sample))
]


@pytest.mark.parametrize(("sample", "number"), CASES)
def test_a_command_answers_as_it_did(
    unpacked: dict[Path, Path],
    sample: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    then = said(sample)[number]
    monkeypatch.chdir(unpacked[sample])
    status = main(then["words"])
    captured = capsys.readouterr()
    assert status == then["status"], captured.err
    asked = Path(then["words"][-2])
    tolerance = INT8[asked.suffix] if then["words"][0] == "classify" and "int8" in asked.name else ROUNDED
    passed_over = WORDS | {"inspect": ENGINE, "classify": CLOCK, "compare": METHODS}.get(
        then["words"][0], frozenset()
    )
    assert list(differences(then["documents"], documents(captured.out), tolerance, passed_over)) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_run_is_read_with_its_predictions(unpacked: dict[Path, Path], sample: Path) -> None:
    place = unpacked[sample] / "runs"
    found = [*runs.find(place), *runs.of_folds(place / "cells.folds")]
    assert {"cells", "second", "kinds", "fold-1", "fold-2"} <= {run.name for run in found}
    for run in found:
        document = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
        assert run.decision.threshold == document["decision"]["threshold"]
        # An imported model has none: which images trained it is not known.
        if (run.path / predictions.FILE).exists():
            assert set(predictions.of_run(run)) == set(runs.PARTS)


def differences(
    then: Any, now: Any, tolerance: float, passed_over: frozenset[str], place: str = ""
) -> list[str]:
    """What `then` has and `now` has not, or has otherwise; new keys are no difference."""
    if isinstance(then, dict) and isinstance(now, dict):
        gone = [f"{place}.{key} is gone" for key in then.keys() - now.keys() - passed_over]
        both = [(f"{place}.{key}", then[key], now[key]) for key in then.keys() & now.keys() - passed_over]
        return gone + [
            line for name, a, b in both for line in differences(a, b, tolerance, passed_over, name)
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [
            line
            for index, (a, b) in pairs
            for line in differences(a, b, tolerance, passed_over, f"{place}[{index}]")
        ]
    number = isinstance(then, float) and isinstance(now, int | float)
    same = abs(then - now) <= tolerance if number else then == now
    return [] if same else [f"{place}: {str(then)[:80]} was {str(now)[:80]}"]
