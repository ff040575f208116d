"""`train`, `tune`, `export --int8` and `bench` are killed at random moments, again and again, and then end.

After each kill all that has its final name is whole; at the end all is as in a call that was never killed. A call is a
fork of a process that has imported TensorFlow: to import it takes longer than all else on a network of 32 pixels.
Workers of an export and measurements have processes of their own, which are killed with it.
"""

import csv
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import tiny_journey
from campaign import Kind, promise
from full_disks import tunable_backbone

from edgeall import artifact, predictions, results, runs
from edgeall.artifact import is_artifact_name
from edgeall.exporting import int8_cache, manifest

TRAIN = ["train", "cells", *tiny_journey.TRAINING, "--epochs", "8", "--name", "cells"]
COMMANDS = {
    "train": TRAIN,
    "tune": ["tune", "cells", *tiny_journey.TRAINING, "--trials", "2", "--name", "study"],
    "export --int8": ["export", "runs/ready", "--int8", "--format", "onnx"],
    "bench": ["bench", "runs/ready", "--device", "laptop", *tiny_journey.SHORT],
}
WEIGHTS = (2, 1, 1, 1)
"""Of the commands among trials: training has two phases."""

MADE = {
    "train": "runs/cells",
    "tune": "tuning",
    "export --int8": "runs/ready/exports",
    "bench": "runs/ready/bench",
}
IMPORTED = (
    *("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime.quantization", "optuna", "sklearn.metrics"),
    *("scipy.stats", "edgeall.runtimes", "edgeall.training", "edgeall.exporting.shared_int8"),
    *("edgeall.exporting.onnx", "edgeall.cli.main"),
)
STAGES = (
    "before its first epoch",
    "training the head",
    "before fine-tuning",
    "fine-tuning",
    "after both phases",
)
KILLS = 6
"""Of one trial; then the command is left to end."""


class RandomKills(Kind):
    quick, sample, full = 0, 5, 50
    parts = "kills"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.sound = place / "sound"
        os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
        os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = "tensorflow", "3"
        for module in IMPORTED:
            importlib.import_module(module)
        done = place / "sound.json"
        if not done.is_file():
            shutil.rmtree(self.sound, ignore_errors=True)
            self.sound.mkdir(parents=True)
            tiny_journey.draw_cells(self.sound / "cells")
            seconds = {}
            for name, words in (("ready", [*TRAIN[:-1], "ready"]), *COMMANDS.items()):
                started = time.monotonic()
                status = self._wait(self._start(words, self.sound))
                promise(status in (0, 1), f"{name}: status {status}")
                seconds[name] = time.monotonic() - started
                self.alive()
            done.write_text(json.dumps(seconds))
        self.seconds: dict[str, float] = json.loads(done.read_text())

    def _start(self, words: list[str], folder: Path) -> int:
        """Begin a call in a fork, in a session of its own; returns its process."""
        process = os.fork()
        if process == 0:
            _call(words, folder, self.place / "said.log")
        return process

    @staticmethod
    def _wait(process: int, seconds: float | None = None) -> int | None:
        """The status; None where the process did not end in this time."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            ended, status = os.waitpid(process, 0 if until is None else os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if until is not None and time.monotonic() > until:
                return None
            time.sleep(0.005)

    def one(self, seed: int) -> list[str]:
        rng = random.Random(seed)
        name = rng.choices(list(COMMANDS), WEIGHTS)[0]
        folder = self.place / "killed"
        self._begin(folder, name)
        killed: list[str] = []
        while len(killed) < KILLS:
            process = self._start(COMMANDS[name], folder)
            status = self._wait(process, rng.uniform(0.02, 1.0) * self.seconds[name])
            if status is None:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
                killed.append(f"{name} {_stage(name, folder)}")
            else:
                promise(status in (0, 1), f"{name}: status {status} after {len(killed)} kills")
            check_whole(folder)
            if (folder / MADE[name]).exists() and (status is not None or name == "train"):
                # Done, or killed in the moment after the run was moved into place.
                self._compare(name, folder)
                self._begin(folder, name)
            self.alive()
        status = self._wait(self._start(COMMANDS[name], folder))
        promise(status in (0, 1), f"{name}: status {status} after {KILLS} kills")
        check_whole(folder)
        self._compare(name, folder)
        return killed

    def _begin(self, folder: Path, name: str) -> None:
        """All that was made, without what the command makes."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.sound, folder)
        shutil.rmtree(folder / MADE[name])
        shutil.rmtree(folder / "cache", ignore_errors=True)

    def _compare(self, name: str, folder: Path) -> None:
        same(self.sound, folder, MADE[name])
        left = [path.name for path in (folder / "runs").glob(".*.new")]
        promise(not left, f"{left} are left")


def _call(words: list[str], folder: Path, log: Path) -> NoReturn:
    """`edgeall WORDS` in this fork, which ends with it."""
    from edgeall.cli.main import main
    from edgeall.training import checkpoint

    status = 70
    try:
        os.setsid()
        os.chdir(folder)
        # A cache of its own, so that nothing is done before.
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        # After each epoch, not once a minute.
        checkpoint.INTERVAL = 0.0
        with tunable_backbone():
            status = main(words)
        sys.stdout.flush()
    finally:
        os._exit(status)


def _stage(name: str, folder: Path) -> str:
    """How far a command had come when it was killed."""
    if name != "train":
        made = [path for path in (folder / MADE[name]).rglob("*") if path.is_file()]
        return "under way" if made else "at its begin"
    # Each phase has a state of its last epoch, and one of its end.
    states = len(list((folder / "runs" / ".cells.training").glob("[!.]*.npz")))
    return STAGES[states]


def check_whole(folder: Path) -> None:
    """Every run, artifact and result that has its final name can be read."""
    for run_file in folder.glob("runs/*/run.json"):
        run = runs.load(run_file.parent)
        predictions.of_run(run)
        for path in run.exports.glob("*"):
            if is_artifact_name(path):
                artifact.read(path)
        for entry in manifest.read(run).values():
            if entry.shared:
                model = run.exports / int8_cache.FOLDER / f"{entry.shared}.npz"
                promise(model.is_file(), f"{model} is missing")
        for path in run.path.glob("bench/*.json"):
            results.load([path])


def same(sound: Path, killed: Path, below: str) -> None:
    """The same files, and those of numbers with the same content.

    Which INT8 model an export chooses follows from times that it measures, and what it caches follows from the choice.
    """
    for path in sorted((sound / below).rglob("*")):
        if int8_cache.FOLDER in path.parts:
            continue
        other = killed / below / path.relative_to(sound / below)
        promise(other.exists(), f"{other} is missing")
        if path.name in ("predictions.csv", "trials.csv"):
            promise(_finished(path) == _finished(other), f"{other} differs")


def _finished(path: Path) -> list[list[str]]:
    """Rows without times. Trials of a study that were killed have rows of their own, which count in its numbers."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("state", "finished") == "finished"]
    return [[value for key, value in row.items() if key not in ("seconds", "trial")] for row in rows]
