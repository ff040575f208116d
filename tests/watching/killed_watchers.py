"""Kills a watcher many times while pictures arrive, in a process of its own: it has no threads, so that it can fork.

`python killed_watchers.py FOLDER ARTIFACT LOG KILLS SEED SECONDS` prints one JSON object: the number of kills, of
watchers that were killed before they ended, and of pictures. After some kills the camera goes on in a new folder below
FOLDER, because a watcher that lives so shortly does not get through a large one. The modules are imported once, and
each watcher is a fork, because starting Python takes longer than a watcher lives here.
"""

import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter  # noqa: F401
from PIL import Image, JpegImagePlugin, PngImagePlugin  # noqa: F401

import edgeall.cli.watch
import edgeall.domain.judging
import edgeall.field.field_answers
import edgeall.logbook.recording
import edgeall.runtimes.tflite
import edgeall.watching  # noqa: F401
from edgeall.cli.main import main

LIVES = 3.0
"""How long a watcher lives at most, in times that one needs for its first picture."""
KILLS_A_FOLDER = 20
SETTLE = ("--settle", "0.02", "--every", "0.005")


def watcher(arguments: list[str]) -> int:
    """Start a watcher, and return its process."""
    child = os.fork()
    if child:
        return child
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        os._exit(main(["watch", *arguments]))
    finally:
        os._exit(70)


def picture(dice: np.random.Generator) -> bytes:
    """A PNG file unlike all others."""
    made = io.BytesIO()
    Image.fromarray(dice.integers(0, 256, (34, 34, 3), np.uint8)).save(made, "PNG")
    return made.getvalue()


class Camera:
    """Writes pictures: moved into the folder, in two pieces, over an earlier one, or as the copy of one."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._dice, self._random = folder, np.random.default_rng(seed), random.Random(seed)
        self.written = 0

    def write(self) -> None:
        self.written += 1
        place = self._folder / f"slide{self.written % 3}" / f"{self.written:05}.png"
        place.parent.mkdir(exist_ok=True)
        content = picture(self._dice)
        way = self._random.random()
        if way < 0.5:
            part = place.with_name(f".{place.name}")
            part.write_bytes(content)
            part.rename(place)
        elif way < 0.8:
            with place.open("wb", buffering=0) as file:
                file.write(content[: len(content) // 2])
                time.sleep(self._random.choice([0.001, 0.05]))
                file.write(content[len(content) // 2 :])
        else:
            earlier = sorted(self._folder.glob("*/*.png"))
            if earlier:
                chosen = self._random.choice(earlier)
                if way < 0.9:
                    chosen.write_bytes(content)
                else:
                    place.write_bytes(chosen.read_bytes())


def first_picture(camera: Camera, arguments: list[str]) -> float:
    """Seconds from the start of a watcher until it has decided one picture, at the load that this machine has."""
    camera.write()
    started = time.monotonic()
    _, status = os.waitpid(watcher([*arguments, "--once"]), 0)
    assert status == 0, "the first watcher failed"
    return time.monotonic() - started


def run(folder: Path, artifact: str, log: str, kills: int, seed: int, seconds: float) -> dict[str, float]:
    """Kill watchers until there were `kills`, or `seconds` are over."""
    dice = random.Random(seed)
    done = working = written = 0
    longest = 0.0
    until = time.monotonic() + seconds
    while done < kills and time.monotonic() < until:
        if done % KILLS_A_FOLDER == 0:
            scans = folder / str(done // KILLS_A_FOLDER)
            scans.mkdir()
            camera = Camera(scans, seed + done)
            arguments = [str(scans), "--model", artifact, "--log", log, *SETTLE]
            longest = LIVES * first_picture(camera, arguments)
        children = [watcher(arguments)]
        if dice.random() < 0.1:
            # A second one on the same folder: it says so and ends, or is the first.
            children.append(watcher(arguments))
        dies = time.monotonic() + dice.uniform(0, longest)
        while (left := dies - time.monotonic()) > 0:
            camera.write()
            written += 1
            time.sleep(min(left, longest / 10))
        for child in children:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            working += os.WIFSIGNALED(status)
        done += 1
    return {"kills": done, "working": working, "written": written, "longest": round(longest, 3)}


if __name__ == "__main__":
    place, model, book, count, start, most = sys.argv[1:]
    print(json.dumps(run(Path(place), model, book, int(count), int(start), float(most))))
