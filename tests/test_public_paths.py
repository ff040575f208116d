"""Every public function takes a path as a string, as a `Path`, or as anything that `os.fspath` understands."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="workstation rooms need scikit-learn")
pytest.importorskip("cryptography", reason="kits are made on a workstation")

from small_run import DECISION, PIXELS, draw, make_artifact, make_run

from edgeall import (
    artifact,
    benching,
    bundling,
    comparing,
    datasets,
    ensembling,
    exporting,
    importing,
    predictions,
    results,
    runs,
    targets,
    tuning,
)
from edgeall import training as train_room
from edgeall.ensembling.make import make_ensemble
from edgeall.errors import EdgeallError
from edgeall.measuring.plan import BenchSettings
from edgeall.runtimes import open_model

ROOMS = (
    *("artifact", "runs", "predictions", "runtimes", "field", "datasets", "training", "tuning", "ensembling"),
    *("evaluating", "comparing", "benching", "reporting", "results", "targets", "importing", "exporting"),
    *("recommending", "cards", "reporting.charts", "reporting.page", "bundling", "logbook", "watching"),
    *("serving", "explaining", "cluster"),
)


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for room in ROOMS:
        module = importlib.import_module(f"edgeall.{room}")
        for name in getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]):
            found = getattr(module, name)
            if inspect.isfunction(found) and found.__module__.startswith("edgeall"):
                yield f"{room}.{name}", found


@pytest.mark.parametrize("function", [pytest.param(found, id=name) for name, found in public_functions()])
def test_no_public_function_wants_a_path_object(function: Callable[..., Any]) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        words = str(parameter.annotation)
        if "Path" in words and name != "progress":
            assert "PathLike" in words or "AnyPath" in words, f"{name}: {words}"


class Place:
    """What implements `os.PathLike` and nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run `runs/one` with an ONNX artifact, its images in `data`, an ensemble's, a split's and a device's file."""
    pytest.importorskip("onnx", reason="the run's artifact is written with onnx")
    folder = tmp_path_factory.mktemp("paths")
    draw(folder / "data", {"healthy": 8, "all": 8})
    run = make_run(folder / "runs" / "one", folder / "data")
    make_artifact(run, "onnx", "float32")
    datasets.save_split(folder / "split.json", run.split)
    bundling.make_key(folder / "lab")
    (folder / "mine.toml").write_text('reach = "local"\n')
    return folder


ARTIFACT = "runs/one/exports/one_onnx-float32.onnx"
SETTINGS = train_room.TrainingSettings("mobilenetv2")
LAPTOP = targets.load_profile("laptop")


def opened(path: Any) -> Any:
    with open_model(path, "onnx", PIXELS) as session:
        return session.engine


def written(path: Any) -> str:
    """A file with no predictions in it."""
    predictions.write(path, {}, DECISION.labels)
    return Path(path).read_text()


CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "artifact.read": (ARTIFACT, artifact.read),
    "artifact.files_of": (ARTIFACT, artifact.files_of),
    "artifact.is_artifact_name": (ARTIFACT, artifact.is_artifact_name),
    "artifact.seal, of one that is sealed": (ARTIFACT, lambda path: artifact.seal(path, None)),  # type: ignore[arg-type]
    "runtimes.open_model": (ARTIFACT, opened),
    "runs.load": ("runs/one", runs.load),
    "runs.find": ("runs", runs.find),
    "runs.of_artifact": (ARTIFACT, runs.of_artifact),
    "predictions.read, of none": ("absent.csv", lambda path: predictions.read(path, DECISION.labels)),
    "predictions.write": ("said.csv", written),
    "datasets.read_dataset": ("data", datasets.read_dataset),
    "datasets.save_split": (
        "again.json",
        lambda path: datasets.save_split(path, runs.Split((), (), (), "image")),
    ),
    "datasets.synthesize, onto something else": ("data", datasets.synthesize),
    "training.train, of no data": ("absent", lambda path: train_room.train(path, SETTINGS, path)),
    "training.train, by no split": ("data", lambda path: train_room.train(path, SETTINGS, split=path)),
    "training.cross_validate": ("absent", lambda path: train_room.cross_validate(path, SETTINGS, 2, path)),
    "tuning.tune, by no split": ("data", lambda path: tuning.tune(path, SETTINGS, path, split=path)),
    "tuning.tune, of no data": ("absent", lambda path: tuning.tune(path, SETTINGS, path)),
    "ensembling.is_ensemble": ("runs/one", ensembling.is_ensemble),
    "ensembling.load, of none": ("runs/one", ensembling.load),
    "ensembling.member_runs": ("runs/one", ensembling.member_runs),
    "ensembling.make_ensemble, of one": ("runs/one", lambda path: make_ensemble([path], path)),
    "comparing.compare, of one": ("runs/one", lambda path: comparing.compare([path], root=path)),
    "benching.bench, without results": (
        "absent.onnx",
        lambda path: benching.bench([path], LAPTOP, BenchSettings(), data=path),
    ),
    "benching.find_artifacts": ("runs", lambda path: benching.find_artifacts(["one"], path)),
    "benching.find_artifacts, named": ("runs/one", lambda path: benching.find_artifacts([path])),
    "benching.find_ensembles": ("runs/one", lambda path: benching.find_ensembles([path], path)),
    "importing.import_model, of none": (
        "absent.keras",
        lambda path: importing.import_model(path, DECISION.labels, data=path, split=path, out=path),
    ),
    "exporting.read_folder, of none": ("absent", lambda path: exporting.read_folder(path, 32)),
    "results.load, of none": ("absent.json", lambda path: results.load([path])),
    "bundling.bundle, of none": ("absent.tflite", lambda path: bundling.bundle(path, LAPTOP, "kit.zip")),
    "bundling.bundle, to another kind": (ARTIFACT, lambda path: bundling.bundle(path, LAPTOP, path)),
    "bundling.verify_kit, of none": ("data", bundling.verify_kit),
    "bundling.sign_kit, of none": ("absent.zip", lambda path: bundling.sign_kit(path, None)),  # type: ignore[arg-type]
    "bundling.make_key, that is there": ("lab", bundling.make_key),
    "bundling.load_key": ("lab.key", lambda path: bundling.load_key(path).public),
    "bundling.load_public_key": ("lab.pub", bundling.load_public_key),
    "targets.read_profile": ("mine.toml", targets.read_profile),
    "targets.load_profile": ("mine.toml", targets.load_profile),
}


def outcome(call: Callable[[Any], Any], path: Any) -> Any:
    """What a call gives, or the one line that it ends with."""
    try:
        return call(path)
    except EdgeallError as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", CALLS)
def test_a_string_does_what_a_path_does(made: Path, name: str) -> None:
    place, call = CALLS[name]
    expected = outcome(call, made / place)
    assert outcome(call, str(made / place)) == expected
    assert outcome(call, Place(made / place)) == expected


def test_a_run_finds_its_images_wherever_they_are_said_to_be(made: Path) -> None:
    run = runs.load(made / "runs" / "one")
    assert run.images("test", str(made / "data")) == run.images("test", made / "data")


def test_a_split_is_read_by_any_name(made: Path) -> None:
    dataset = datasets.read_dataset(made / "data")
    expected = datasets.load_split(made / "split.json", dataset)
    assert datasets.load_split(str(made / "split.json"), dataset) == expected
