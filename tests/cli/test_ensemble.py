"""`edgeall ensemble`: one JSON document, one clear line for each mistake."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from keras_run import copy_run
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


@pytest.mark.usefixtures("recorded")
def test_from_runs_to_one_row_beside_its_members(
    trained: runs.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = copy_run(trained, tmp_path / "runs" / "one")
    images = sorted((member for part in runs.PARTS for member in one.split.part(part)), key=lambda m: m.name)
    learned = tuple(images[0::4] + images[1::4])
    one = dataclasses.replace(
        one,
        split=runs.Split(learned, tuple(images[2::4]), tuple(images[3::4]), "image"),
        data=dataclasses.replace(one.data, fingerprint=runs.fingerprint(learned)),
    )
    runs.save(one)
    other = copy_run(one, tmp_path / "runs" / "other")
    # Another byte behind the archive makes it another file.
    other.model_path.write_bytes(other.model_path.read_bytes() + b"\0")
    for seed, run in enumerate((one, other)):
        answered(run, seed)
    both = str(tmp_path / "runs" / "both")
    out = ["--out", str(tmp_path / "runs"), "--name", "both"]
    assert main(["ensemble", str(one.path), str(other.path), *out]) == 0
    # A run that is named twice, once as a member, is exported once.
    assert main(["export", both, str(one.path), "--format", "onnx", "--json"]) == 0
    output = capsys.readouterr().out
    exported = json.loads(output[output.index("{") :])["artifacts"]
    assert [entry["run"] for entry in exported] == ["one", "other"]

    short = ("--rounds", "2", "--threads", "1", "--min-runs", "12", "--min-seconds", "0.02")
    assert main(["bench", both, *short, "--json"]) == 0
    *members, whole = json.loads(capsys.readouterr().out)["results"]
    assert whole["artifact"] == f"{both}/onnx-fp32"
    assert whole["members"] == [row["artifact"] for row in members]
    assert ".." not in "".join(whole["members"])
    assert all("input_size" in row for row in members)
    assert "input_size" not in whole
    assert whole["size_bytes"] == sum(row["size_bytes"] for row in members)
    assert main(["report", both]) == 0
    shown = capsys.readouterr().out
    assert "mobilenetv2+mobilenetv2" in shown
    assert "upper bounds" in shown
