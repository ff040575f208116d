"""`edgeall tune`: one JSON document, a command that trains with what was found, one line for each mistake."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeall import runs
from edgeall.cli.main import main

QUICK = [
    "--backbone",
    "mobilenetv2",
    "--input-size",
    "32",
    "--head-epochs",
    "1",
    "--epochs",
    "0",
    "--views",
    "1",
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for label, middle in {"healthy": 170, "leukemia": 90}.items():
        folder = tmp_path / "my smears" / label
        folder.mkdir(parents=True)
        for index in range(10):
            pixels = rng.normal(middle, 40, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "my smears"


def test_the_command_that_is_printed_trains_with_what_was_found(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tune", str(data), *QUICK, "--trials", "2", "--seed", "3", "--out", str(tmp_path / "tuning")]
    assert main([*arguments, "--json"]) == 0
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert document["study"] == str(tmp_path / "tuning" / "mobilenetv2-my-smears")
    assert [document[key] for key in ("trials", "finished", "pruned", "failed")] == [2, 2, 0, 0]
    assert "No test image was read" in err
    assert "split by image: optimistic" in err
    assert "trial 1 (2 of 2): validation AUC" in err
    assert "optuna" not in err.lower()
    assert "Warning" not in err

    words = shlex.split(document["best"]["command"])
    assert words[:3] == ["edgeall", "train", str(data)]
    assert main([*words[1:], "--out", str(tmp_path / "runs"), "--name", "best"]) == 0
    run = runs.load(tmp_path / "runs" / "best")
    assert run.settings == document["best"]["settings"]
    split = json.loads((Path(document["study"]) / "split.json").read_text(encoding="utf-8"))
    assert [member.name for member in run.split.test] == [member["name"] for member in split["test"]]

    capfd.readouterr()
    assert main([*arguments, "--trials", "2"]) == 0
    out, err = capfd.readouterr()
    assert document["best"]["command"] in out
    assert "(1 of 2)" not in err


def test_trials_run_on_workers_that_had_no_part_in_tests(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Started as users start them; their TensorFlow gets the client's number of threads."""
    pytest.importorskip("distributed", reason="needs edgeall[cluster]")
    from dask_processes import DaskProcesses

    arguments = ["tune", str(data), *QUICK, "--trials", "2", "--out", str(tmp_path / "tuning"), "--json"]
    with DaskProcesses(tmp_path) as dask:
        dask.add_workers()
        assert main([*arguments, "--name", "there", "--scheduler", dask.address]) == 0
    there = json.loads(capfd.readouterr().out)["best"]
    assert main([*arguments, "--name", "here", "--at-once", "4"]) == 0
    here = json.loads(capfd.readouterr().out)["best"]
    assert {**there, "command": None} == {**here, "command": None}
    assert main([*arguments, "--trials", "3", "--name", "here", "--scheduler", dask.address]) == 2
    assert "no Dask scheduler answers" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "mobilnetv2"], "did you mean 'mobilenetv2'?"),
        (["--backbone", "vgg16", "--trials", "0"], "0 trials: give 1 or more"),
        (["--backbone", "vgg16", "--folds", "1"], "2 or more"),
        (["--backbone", "vgg16", "--at-once", "0"], "0 trials at once: give 1 to 1000"),
        (["--backbone", "vgg16", "--split", "nowhere.json"], "no such split file"),
        ([*QUICK, "--head", "gap", "--head-rate", "0.01", "--batch-size", "8"], "nothing to search"),
        (["--backbone", "vgg16", "--rate", "-1"], "rate -1.0 is not between"),
    ],
)  # fmt: skip
def test_mistakes_get_one_line_and_status_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["tune", str(data), *arguments, "--out", str(tmp_path / "tuning")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert [line for line in err.splitlines() if line.startswith("edgeall: ")] == err.splitlines()[-1:]
    assert not (tmp_path / "tuning").exists()


def test_a_recipe_keeps_its_head_and_depth(data: Path, tmp_path: Path) -> None:
    """What is left of it to search are its rates, batch size and epochs."""
    from edgeall.cli.tune import fixed
    from edgeall.training import protocols
    from edgeall.tuning import searched

    settings = protocols.settings("paper", "vgg16")
    assert searched(settings, fixed(settings, frozenset())) == ["batch_size", "rate", "epochs"]
    usual = protocols.settings("default", "vgg16")
    assert fixed(usual, frozenset({"seed"})) == {"seed"}
