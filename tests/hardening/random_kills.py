"""`train`, `tune`, `export --int8` and `bench` are killed at random moments until they are done, again and again.

After each kill all that has its final name is whole; at the end all is as in a call that was never killed.
"""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import tiny_journey
from campaign import Kind, promise

from edgeall import artifact, predictions, results, runs
from edgeall.artifact import is_artifact_name

PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from full_disks import tunable_backbone
from edgeall.cli.main import main
with tunable_backbone():
    raise SystemExit(main(sys.argv[1:]))
"""
TRAIN = ["train", "cells", *tiny_journey.TRAINING, "--name", "cells"]
COMMANDS = {
    "train": TRAIN,
    "tune": ["tune", "cells", *tiny_journey.TRAINING, "--trials", "2", "--name", "study"],
    "export --int8": ["export", "runs/ready", "--int8", "--format", "onnx"],
    "bench": ["bench", "runs/ready", "--device", "laptop", *tiny_journey.SHORT],
}
MOST_KILLS = 12
"""Of one trial; then the command is left to end."""


class RandomKills(Kind):
    quick, sample, full = 0, 8, 60
    silent_seconds = 1200.0

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.kills = 0
        self.sound = place / "sound"
        os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
        self.program = PROGRAM.format(paths=sys.path[:4])
        self.seconds: dict[str, float] = {}
        done = place / "sound.json"
        if not done.is_file():
            shutil.rmtree(self.sound, ignore_errors=True)
            self.sound.mkdir(parents=True)
            tiny_journey.draw_cells(self.sound / "cells")
            for name, words in (("ready", [*TRAIN[:-1], "ready"]), *COMMANDS.items()):
                started = time.monotonic()
                status = self._start(words, self.sound).wait()
                promise(status in (0, 1), f"{name}: status {status}")
                self.seconds[name] = time.monotonic() - started
            done.write_text(json.dumps(self.seconds))
        self.seconds = json.loads(done.read_text())

    def _start(self, words: list[str], folder: Path) -> "subprocess.Popen[bytes]":
        with (self.place / "said.log").open("ab") as log:
            command = [sys.executable, "-c", self.program, *words]
            # A cache of its own, so that nothing is done before.
            environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
            return subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        name = list(COMMANDS)[seed % len(COMMANDS)]
        folder = self.place / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.sound, folder)
        _remove(folder, name)
        kills = 0
        while True:
            process = self._start(COMMANDS[name], folder)
            try:
                limit = rng.uniform(0.3, 1.1) * self.seconds[name] if kills < MOST_KILLS else None
                status = process.wait(limit)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                check_whole(folder)
                if name == "train" and (folder / "runs/cells/run.json").exists():
                    # Killed in the moment after the run was moved into place.
                    status = 0
                    break
        promise(status in (0, 1), f"{name}: status {status} after {kills} kills")
        check_whole(folder)
        if name in ("train", "tune"):
            same(self.sound, folder, "runs/cells" if name == "train" else "tuning/study")
        promise(not list((folder / "runs").glob(".*.new")), "a temporary folder is left")
        return f"{name}: {kills} kills"


def _remove(folder: Path, name: str) -> None:
    """What the command makes."""
    made = {
        "train": "runs/cells",
        "tune": "tuning",
        "export --int8": "runs/ready/exports",
        "bench": "runs/ready/bench",
    }
    shutil.rmtree(folder / made[name])
    shutil.rmtree(folder / "cache", ignore_errors=True)


def check_whole(folder: Path) -> None:
    """Every run, artifact and result that has its final name can be read."""
    for run_file in folder.glob("runs/*/run.json"):
        run = runs.load(run_file.parent)
        predictions.of_run(run)
        for path in run.exports.glob("*"):
            if is_artifact_name(path):
                artifact.read(path)
        for path in run.path.glob("bench/*.json"):
            results.load([path])


def same(sound: Path, killed: Path, below: str) -> None:
    """The same files, and those of numbers with the same content."""
    for path in sorted((sound / below).rglob("*")):
        other = killed / below / path.relative_to(sound / below)
        promise(other.exists(), f"{other} is missing")
        if path.name in ("predictions.csv", "trials.csv"):
            promise(_finished(path) == _finished(other), f"{other} differs")


def _finished(path: Path) -> list[list[str]]:
    """Rows without times. Trials of a study that were killed have rows of their own, which count in its numbers."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("state", "finished") == "finished"]
    return [[value for key, value in row.items() if key not in ("seconds", "trial")] for row in rows]
