"""What sections measure on: a run with its nine artifacts, made once by edgeall itself."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.section import Bench
from edgeall import __version__, artifact, files
from edgeall.artifact import Artifact
from edgeall.benching import discovery
from edgeall.exporting import manifest

PROJECT = Path(__file__).resolve().parents[2]
EDGEALL = (sys.executable, "-m", "edgeall")
SIZE, QUICK_SIZE = 224, 96
"""Pixels of the input of the run that is made."""


def name_of(options: Mapping[str, Path], quick: bool) -> str:
    """Of the run that `run` gives and of its artifacts, as the basis of rounds tells it."""
    given = options.get("run")
    if given is None:
        size = QUICK_SIZE if quick else SIZE
        return f"mobilenetv2 at {size} pixels, random weights, drawn smears, edgeall {__version__}"
    return content_of(given)


def content_of(run: Path) -> str:
    """A run's name, and digests that change with the run and with its artifacts."""
    # An export changes no `run.json`; the manifest has the SHA-256 of each artifact.
    told = [path for path in (run / "run.json", run / "exports" / manifest.FILE) if path.exists()]
    return " ".join([run.name, *(files.sha256_file(path)[:12] for path in told)])


def run(bench: Bench) -> Path:
    """The user's run, or MobileNetV2 with random weights and a trained head on drawn smears."""
    if given := bench.options.get("run"):
        return given
    return made_run(bench, QUICK_SIZE if bench.quick else SIZE)


def made_run(bench: Bench, size: int) -> Path:
    """A run of MobileNetV2, made once for an input of `size` pixels."""
    place = bench.shared / f"run-mobilenetv2-{size}-{__version__}"
    made = place / "runs" / f"mobilenetv2-{size}"
    if not (made / "run.json").exists():
        bench.say(f"trains a head of MobileNetV2 at {size} pixels on drawn smears")
        if not (place / "smears").exists():
            edgeall("data", "synth", str(place / "smears"), "--size", "480x360")
        settings = (
            "--backbone",
            "mobilenetv2",
            "--input-size",
            str(size),
            "--epochs",
            "0",
            "--head-epochs",
            "20",
        )
        where = ("--out", str(place / "runs"), "--name", made.name)
        edgeall("train", str(place / "smears"), *settings, *where)
    return made


def artifacts(bench: Bench) -> list[Artifact]:
    """The artifacts of `run`: what it has, or three formats in float32 and INT8."""
    return artifacts_of(bench, run(bench))


def artifacts_of(bench: Bench, place: Path) -> list[Artifact]:
    """Those of a run."""
    if not any((place / "exports").glob("*_openvino-int8.xml")):
        bench.say("exports the run's artifacts")
        edgeall("export", str(place), "--int8", "--int8-method", "ptq", good=(0, 1))
    return [artifact.read(path) for path in discovery.find_artifacts([str(place)])]


def edgeall(*arguments: str, good: Sequence[int] = (0,)) -> str:
    """What a command of edgeall prints.

    Raises:
        RuntimeError: it ended with another status; has the end of what it said.
    """
    done = subprocess.run([*EDGEALL, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode not in good:
        raise RuntimeError(f"edgeall {' '.join(arguments)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def tiny(folder: Path) -> Path:
    """What a tiny journey left: `runs/cells` with artifacts and results, and `pictures/`. Unpacked once below `folder`.

    It is the newest sample of the tests of stability; nothing is trained for it.
    """
    archive = sorted((PROJECT / "tests" / "stability" / "samples").glob("*.tar.xz"))[-1]
    place = folder / f"sample-{archive.name.partition('.')[0]}"
    if not place.exists():
        with files.replacing_folder(place) as part:
            shutil.unpack_archive(archive, part)
    return place
