"""A new engine is a row, a folder and a recipe: NumPy becomes the fourth in a copy of edgeall, and every room has it.

The copy differs from this checkout by one row of `edgeall/engines.py`, the folder `tests/fourth_engine/` as
`edgeall/fourth_engine/`, and a recipe in `export/`. Its commands run in processes of their own, as do the workers that
export and measure.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import draw, make_run

PROJECT = Path(__file__).resolve().parent.parent
OWN = Path(__file__).resolve().parent / "fourth_engine"
ROW = """
    Engine(
        format="numpy",
        suffix=".numpy",
        label="NumPy",
        title="NumPy engine",
        packages={"numpy": ("numpy",)},
        extra=None,
        container="edgeall.fourth_engine.container:NumpyContainer",
        runtime="edgeall.fourth_engine.runtime",
        exporter="edgeall.fourth_engine.exporter",
        arithmetic="NumPy computes in float32.",
        no_tool="NumPy has no benchmark tool",
    ),
"""


@dataclass(frozen=True)
class House:
    """A copy of edgeall with four engines, beside a run and a device on which the fourth is tried alone."""

    folder: Path

    def edgeall(self, *arguments: str | Path, status: int = 0) -> str:
        """A command's standard output."""
        own = {
            "PYTHONPATH": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "COLUMNS": "200",
        }
        done = subprocess.run(
            [sys.executable, "-P", "-m", "edgeall", *map(str, arguments)],
            cwd=self.folder,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.edgeall(*arguments, "--json"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    for name in ("edgeall", "export", "devices"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    rows = folder / "edgeall" / "engines.py"
    before, end, after = rows.read_text(encoding="utf-8").partition("\n)\n\nENGINES")
    rows.write_text(before + ROW.rstrip() + end + after, encoding="utf-8")
    shutil.copytree(
        OWN, folder / "edgeall" / OWN.name, ignore=shutil.ignore_patterns("__pycache__", "*.toml")
    )
    for recipe in OWN.glob("*.toml"):
        shutil.copy(recipe, folder / "export")
    device = folder / "config" / "edgeall" / "devices" / "here.toml"
    device.parent.mkdir(parents=True)
    device.write_text('reach = "local"\nformats = ["numpy"]\nthreads = [1]\n')
    return House(folder)


@pytest.fixture(scope="module")
def exported(house: House) -> dict[str, Any]:
    """The one artifact that exporting a run to the fourth format makes, as `export --json` describes it."""
    keras = pytest.importorskip("keras", reason="needs the workstation's packages")
    draw(house.folder / "data", {"all": 16, "healthy": 16})
    run = make_run(house.folder / "runs" / "cells", house.folder / "data")
    dense = keras.layers.Dense(1, activation="sigmoid")
    layers = [
        keras.Input((run.pixels.size, run.pixels.size, 3)),
        keras.layers.GlobalAveragePooling2D(),
        dense,
    ]
    model = keras.Sequential(layers)
    # The score is 0.5 at half the brightness, and higher where it is darker.
    dense.set_weights([np.full((3, 1), -8.0), np.array([12.0])])
    model.save(run.model_path)
    (artifact,) = house.json("export", run.path, "--format", "numpy")["artifacts"]
    return artifact


def test_help_lists_the_format(house: House) -> None:
    assert "TFLite, ONNX, OpenVINO and NumPy artifacts" in house.edgeall("--help")
    assert "tflite,onnx,openvino,numpy" in house.edgeall("export", "--help")
    assert "a .tflite, .onnx, OpenVINO .xml or .numpy file" in house.edgeall("inspect", "--help")


def test_a_device_offers_it_and_the_engine_is_tried(house: House) -> None:
    listed = {device["name"]: device for device in house.json("devices")}
    assert listed["laptop"]["formats"] == ["tflite", "onnx", "openvino", "numpy"]
    assert "NumPy engine" in house.edgeall("devices", "check", "here")


def test_the_artifact_answers_as_the_keras_model_does(exported: dict[str, Any]) -> None:
    assert (exported["format"], exported["precision"]) == ("numpy", "float32")
    assert exported["parity"]["passed"]


def test_a_precision_that_the_format_lacks_is_refused(house: House, exported: dict[str, Any]) -> None:
    house.edgeall("export", "runs/cells", "--format", "numpy", "--int8", status=2)


def test_inspect_shows_the_operators(house: House, exported: dict[str, Any]) -> None:
    document = house.json("inspect", exported["path"])
    assert document["usage"]["engine"] == "NumPy computes in float32."
    assert document["executed_precision"]["operators"] == {"float32": 4}


def test_classify_gives_verdicts(house: House, exported: dict[str, Any]) -> None:
    dark, light = house.folder / "data/all/all00.png", house.folder / "data/healthy/healthy01.png"
    lines = house.edgeall("classify", "--model", exported["path"], dark, light, "--json").splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["all", "healthy"]


def test_bench_measures_it_and_the_report_names_it(house: House, exported: dict[str, Any]) -> None:
    quick = ("--rounds", "1", "--min-runs", "3", "--min-seconds", "0.01")
    house.edgeall("bench", "runs/cells", "--device", "here", "--cross-check", *quick)
    (file,) = (house.folder / "runs/cells/bench").glob("*.json")
    (result,) = json.loads(file.read_text(encoding="utf-8"))["results"]
    assert result["engine"]["name"] == "numpy"
    assert result["cross_check"] == {"tool": None, "reason": "NumPy has no benchmark tool"}
    assert "NumPy float32" in house.edgeall("report", file)
