"""Runs that the models are made of: given by the user, or trained here; with their float32 and INT8 artifacts."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeall import artifact, runs
from edgeall.exporting import choose
from edgeall.training.folds import SUFFIX

DATA = Path("../shared/data/cnmc")
WEIGHTS = Path("../shared/weights/mobilenetv2_imagenet_notop.weights.h5")
FORMATS: tuple[artifact.Format, ...] = ("tflite", "onnx", "openvino")


@dataclass(frozen=True)
class Training:
    """How a run is trained.

    Attributes:
        arguments: of `edgeall train`, beside data and name.
        weights: where its pretrained weights are; None for random ones. Without the file the weights are random.
        defaults: it is compared with vendors' defaults alone.
    """

    backbone: str
    arguments: tuple[str, ...]
    weights: Path | None = None
    defaults: bool = False


_BRIEF = ("--recipe", "scratch", "--epochs", "6", "--input-size", "96")
# VGG has no BatchNorm: it learns nothing in so few steps, but a head on its random layers does.
_HEAD = ("--epochs", "0", "--head-epochs", "40", "--input-size", "96")
TRAININGS = (
    Training("mobilenetv2", ("--epochs", "4", "--folds", "3"), WEIGHTS),
    Training("densenet201", _BRIEF),
    *(Training(name, _BRIEF, defaults=True) for name in ("inceptionv3", "resnet101v2")),
    *(Training(name, _HEAD, defaults=True) for name in ("vgg16", "vgg19")),
)
QUICK = Training("mobilenetv2", ("--epochs", "1", "--head-epochs", "20", "--input-size", "96"), WEIGHTS)


def provide(training: Training, folder: Path, root: Path, say: Callable[[str], None]) -> list[runs.Run]:
    """The runs of a training in `folder`, one a fold, trained and exported where they are not there yet.

    Args:
        root: of the repository: `DATA` and `WEIGHTS` are relative to it. Without the data, training is on synthetic
            cells.
    """
    data, made_of = root / DATA, "cnmc"
    if not data.is_dir():
        data, made_of = folder / "synthetic", "synthetic"
        if not data.is_dir():
            _edgeall(["data", "synth", str(data), "--cells"], root)
    recipe = "-".join(argument.strip("-") for argument in training.arguments)
    name = f"{training.backbone}-{made_of}-{recipe}"
    if not find(folder, name):
        say(f"training {name}")
        pretrained = training.weights and root / training.weights
        given = ("--weights", str(pretrained)) if pretrained and pretrained.is_file() else ()
        place = ("--backbone", training.backbone, "--name", name, "--out", str(folder))
        _edgeall(["train", str(data), *place, *training.arguments, *given], root)
    return exported(find(folder, name), root, say)


def read(given: Path) -> list[list[runs.Run]]:
    """Runs by what is judged together: one run, the folds of one, or each run of a folder."""
    if (given / "run.json").is_file():
        return [[runs.load(given)]]
    if given.suffix == SUFFIX:
        return [[runs.load(place) for place in sorted(given.glob("fold-*"))]]
    return [[runs.load(place.parent)] for place in sorted(given.glob("*/run.json"))]


def find(folder: Path, name: str) -> list[runs.Run]:
    """The run of a name, or those of its folds; none where it is not finished."""
    alone, folds = folder / name, folder / f"{name}{SUFFIX}"
    if (alone / "run.json").is_file():
        return [runs.load(alone)]
    places = sorted(folds.glob("fold-*")) if (folds / "predictions.csv").is_file() else []
    return [runs.load(place) for place in places]


def exported(found: list[runs.Run], root: Path, say: Callable[[str], None]) -> list[runs.Run]:
    """Runs, once their float32 and INT8 artifacts are made."""
    for run in found:
        if not all(path_of(run, each, kind).is_file() for each in FORMATS for kind in ("float32", "int8")):
            say(f"exporting {run.name}")
            _edgeall(["export", str(run.path), "--int8"], root)
    return found


def path_of(run: runs.Run, format: artifact.Format, precision: artifact.Precision) -> Path:
    """Where an artifact of a run is."""
    (recipe,) = choose([format], [precision])
    return run.exports / f"{run.name}_{recipe.name}{artifact.suffix_of(format)}"


def _edgeall(arguments: list[str], root: Path) -> None:
    """Run a command of edgeall. An artifact that fails its gate (status 1) is measured like another."""
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "edgeall", *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"edgeall {' '.join(arguments)} ended with status {done.returncode}")
