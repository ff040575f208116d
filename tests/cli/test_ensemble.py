"""`edgeall ensemble`: one JSON document, one clear line for each mistake."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_run import draw, make_run

from edgeall import predictions, runs
from edgeall.cli.main import main
from edgeall.predictions import Predictions


def answered(run: runs.Run, seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = {}
    for part in runs.PARTS:
        members = run.split.part(part)
        score = rng.uniform(size=len(members))
        said[part] = Predictions(
            tuple(member.name for member in members),
            (None,) * len(members),
            np.array(run.class_indices(part)),
            np.stack([1 - score, score], axis=1),
            np.full(len(members), 0.5),
        )
    predictions.write(run.path / predictions.FILE, said, run.decision.labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ensemble")
    draw(root / "data", {"healthy": 16, "all": 16})
    for seed, name in enumerate(("a", "b")):
        run = make_run(root / "runs" / name, root / "data")
        run.model_path.write_bytes(f"stands for {name}".encode())
        answered(run, seed)
    return root / "runs"


def test_json_names_members_and_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "ensemble",
        str(folder / "a"),
        str(folder / "b"),
        "--out",
        str(folder),
        "--name",
        "ab",
        "--json",
    ]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["members"] == [str(folder / "a"), str(folder / "b")]
    assert {"n", "accuracy", "f1", "auc"} <= set(document["test"])
    assert document["params"]["total"] == 2 * runs.load(folder / "a").params["total"]
    assert "not calibrated" in err
    assert "edgeall bench" in err
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err


def test_one_run_is_no_ensemble(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ensemble", str(folder / "a")]) == 2
    assert "two or more" in capsys.readouterr().err
