"""Every writing command on a full and on a read-only disk: one line, and what stood there stands.

Needs the right to mount a file system.
"""

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import tiny_journey
from campaign import Kind, Missing, promise
from commands import Said, call, working_in
from damaged_documents import unpack

EXPORTS = "runs/cells/exports"
TRAINING = " ".join(tiny_journey.TRAINING)
SHORT = " ".join(tiny_journey.SHORT)
COMMANDS = (
    "data synth {out}/new --cells --healthy 4 --leukaemia 4 --size 64x64",
    "data split {disk}/cells -o {out}/split.json --overwrite",
    "classify {disk}/pictures -o {out}/verdicts.csv --model {disk}/" + EXPORTS + "/{onnx}",
    "classify {disk}/pictures -o {out}/verdicts.jsonl --model {disk}/" + EXPORTS + "/{onnx}",
    "classify {disk}/pictures --copy-to {out}/copies --model {disk}/" + EXPORTS + "/{onnx}",
    "classify {disk}/pictures --cells --boxes {out}/boxes --model {disk}/" + EXPORTS + "/{onnx}",
    "report {disk}/runs/cells -o {out}/report.html --overwrite",
    "report {disk}/runs/cells -o {out}/report.csv --overwrite",
    "report {disk}/runs/cells -o {out}/report.md --overwrite",
    "report {disk}/runs/cells -o {out}/report.json --overwrite",
    "cards {disk}/runs/second -o {out}/cards --overwrite",
    "ensemble {disk}/runs/cells {disk}/runs/second --out {out} --name both --overwrite",
    "bench {disk}/runs/second --device laptop --data {disk}/cells --overwrite " + SHORT,
    "export {disk}/runs/second --format onnx --overwrite --data {disk}/cells",
    "train {disk}/cells " + TRAINING + " --out {out} --name cells --overwrite",
    "tune {disk}/cells " + TRAINING + " --trials 1 --out {out} --name cells --overwrite",
    "import {disk}/runs/second/model.keras --labels hem,all --positive all --out {out} --name cells --overwrite "
    "--preprocessing tf",
)
KIB = (0, 1, 4, 16, 64, 256, 1024)
"""Room on the disk beside what is there."""


class FullDisks(Kind):
    quick, sample, full = 8, len(COMMANDS) * 3, len(COMMANDS) * (len(KIB) + 1)
    silent_seconds = 300.0

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.sound = place / "sound"
        shutil.rmtree(self.sound, ignore_errors=True)
        unpack(self.sound)
        tiny_journey.draw_cells(self.sound / "cells")
        self.onnx = next((self.sound / EXPORTS).glob("*onnx-fp32.onnx")).name
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(tunable_backbone())
        os.environ["XDG_CACHE_HOME"], os.environ["MPLCONFIGDIR"] = (
            str(place / "cache"),
            str(place / "matplotlib"),
        )

    def one(self, seed: int) -> str:
        words = COMMANDS[seed % len(COMMANDS)]
        room = (*KIB, None)[random.Random(seed).randrange(len(KIB) + 1)]
        with disk(self.place / "disk", 16 << 20) as place:
            shutil.copytree(self.sound, place, dirs_exist_ok=True)
            before = contents(place)
            if room is None:
                mount("-o", "remount,ro", str(place))
            else:
                fill(place / ".rest", room)
            out = place / "runs" if "--out " in words else place
            with working_in(self.place):
                said = call(*words.format(disk=place, out=out, onnx=self.onnx).split())
            if room is None:
                mount("-o", "remount,rw", str(place))
            what = f"{words.split(' {')[0]} with {room} KiB"
            check(what, said, before, contents(place))
            promise(room is not None or said.status == 2, f"{what}: status {said.status}")
        return f"{words.split()[0]} {'refused' if said.status == 2 else 'done'}"


@contextlib.contextmanager
def tunable_backbone() -> Iterator[None]:
    """The backbone "tiny", with depths to search."""
    from edgeall.tuning.space import DEPTHS

    with tiny_journey.tiny_backbone():
        DEPTHS["tiny"] = ("conv_1", "conv_2")
        yield
        del DEPTHS["tiny"]


def check(what: str, said: Said, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Where a command fails, all is as before but for hidden states of an unfinished one; each file is whole."""
    promise(said.status != 2 or said.error.startswith("edgeall: "), f"{what}: {said.err[-300:]}")
    lost = [name for name in before if name not in after]
    promise(not lost, f"{what}: {lost[:3]} lost")
    if said.status == 2:
        changed = [name for name in before if after[name] != before[name]]
        promise(not changed, f"{what}: {changed[:3]} changed: {said.error}")
    empty = [name for name, content in after.items() if not content and "/." not in f"/{name}"]
    promise(not empty, f"{what}: {empty[:3]} empty")


def contents(place: Path) -> dict[str, bytes]:
    """Files by name, without the records of an unfinished bench, which are kept on purpose."""
    files = (path for path in place.rglob("*") if path.is_file() and path.name != ".rest")
    named = {path.relative_to(place).as_posix(): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in named.items()
        if not name.endswith((".records.jsonl", "/lock"))
    }


def fill(path: Path, leave_kib: int) -> None:
    """Take all room but so many KiB."""
    free = os.statvfs(path.parent)
    left = free.f_bavail * free.f_frsize - (leave_kib << 10)
    with path.open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, left)))


@contextlib.contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of its own, in memory.

    Raises:
        Missing: it cannot be mounted.
    """
    place.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def mount(*words: str) -> None:
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", *words], capture_output=True, check=False).returncode
    ):
        raise Missing("needs the right to mount a file system")
