"""Every writing command on a full and on a read-only disk: one line, and what stood there stands.

Needs the right to mount a file system.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tiny_journey
from campaign import Kind, Missing, promise
from commands import Said, call, working_in
from damaged_documents import unpack
from hostile_boards import SSH, script

EXPORTS = "runs/cells/exports"
TRAINING = " ".join(tiny_journey.TRAINING)
SHORT = " ".join(tiny_journey.SHORT)
MODEL = "--model {disk}/" + EXPORTS + "/{onnx}"
LOG = "--log {disk}/log.db"


@dataclass(frozen=True)
class Writing:
    """A command that writes to the disk.

    Attributes:
        words: {disk} is the disk, {onnx} an artifact's name. Words with "=" before the command are of the environment.
        needed: whether the command has failed where nothing can be written: a cache is not needed.
        small: whether it is done where `KIB[-1]` is free.
        replaces: beginning of the names of files that go when it is done: results of what it replaces.
    """

    words: str
    needed: bool = True
    small: bool = True
    replaces: str | None = None

    @property
    def name(self) -> str:
        """The command's name, with its verb or the suffix of its output."""
        words = [word for word in self.words.split() if "=" not in word]
        verb = words[1] if words[0] in ("data", "devices", "keys", "log", "kit") else ""
        option = next(
            (word for word in words if word in ("-o", "--copy-to", "--boxes", "--folds", "--int8")), ""
        )
        output = words[words.index("-o") + 1] if option == "-o" else ""
        kept = [word.split("=")[0] for word in self.words.split() if "=" in word]
        return " ".join(filter(None, [words[0], verb, option, Path(output).suffix, *kept]))


COMMANDS = tuple(Writing(words) for words in (
    "data synth {disk}/new --cells --healthy 4 --leukaemia 4 --size 64x64",
    "data split {disk}/cells -o {disk}/split.json --overwrite",
    "classify {disk}/pictures -o {disk}/verdicts.csv " + MODEL,
    "classify {disk}/pictures -o {disk}/verdicts.jsonl " + MODEL,
    "classify {disk}/pictures --copy-to {disk}/copies " + MODEL,
    "classify {disk}/pictures --cells --boxes {disk}/boxes " + MODEL,
    "explain {disk}/pictures/all.png -o {disk}/map.png --force " + MODEL,
    f"watch {{disk}}/pictures --once --settle 0 --every 0 {LOG} " + MODEL,
    f"serve --port 0 --keep {{disk}}/kept {LOG} " + MODEL,
    f"log export -o {{disk}}/log.csv {LOG}",
    f"log export -o {{disk}}/log.jsonl {LOG}",
    f"log archive --before 2100-01-01 -o {{disk}}/old.db {LOG}",
    f"log remove --path all.png --yes {LOG}",
    "report {disk}/runs/cells -o {disk}/report.html --overwrite",
    "report {disk}/runs/cells -o {disk}/report.pdf --overwrite",
    "report {disk}/runs/cells -o {disk}/report.csv --overwrite",
    "report {disk}/runs/cells -o {disk}/report.md --overwrite",
    "report {disk}/runs/cells -o {disk}/report.json --overwrite",
    "report {disk}/runs/cells -o {disk}/report.txt --overwrite",
    "cards {disk}/runs/second -o {disk}/cards --overwrite",
    "bench {disk}/runs/second --device laptop --data {disk}/cells --overwrite " + SHORT,
    "devices provision {disk}/board.toml",
    "export {disk}/runs/second --recipe onnx-fp16 --overwrite --data {disk}/cells",
    "export {disk}/runs/second --int8 --format onnx --overwrite --data {disk}/cells",
    "train {disk}/cells " + TRAINING + " --folds 2 --out {disk}/runs --name cells --overwrite",
    "tune {disk}/cells " + TRAINING + " --trials 1 --out {disk}/runs --name study --overwrite",
    "keys make {disk}/new",
    "keys sign {disk}/kit.zip --key {disk}/lab.key",
)) + tuple(Writing(words, replaces="runs/cells/") for words in (
    "train {disk}/cells " + TRAINING + " --out {disk}/runs --name cells --overwrite",
    "import {disk}/runs/second/model.keras --labels hem,all --positive all --out {disk}/runs --name cells --overwrite "
    "--preprocessing tf",
)) + tuple(Writing(words, replaces="runs/both/") for words in (
    "ensemble {disk}/runs/cells {disk}/runs/second --out {disk}/runs --name both --overwrite",
)) + tuple(Writing(words, small=False) for words in (
    "bundle {disk}/" + EXPORTS + "/{onnx} --device laptop -o {disk}/new.zip",
    "kit install --to {disk}/station",
    "demo --out {disk}/demo",
)) + tuple(Writing(words, needed=False) for words in (
    "XDG_CACHE_HOME={disk}/cache train {disk}/cells " + TRAINING + " --out {place}/made --name cells --overwrite",
    "XDG_CACHE_HOME={disk}/cache classify {disk}/pictures " + MODEL,
    "XDG_CACHE_HOME={disk}/cache selftest {disk}/" + EXPORTS + "/{onnx}",
    "TMPDIR={disk} report {disk}/runs/cells -o {place}/report.pdf --overwrite",
    "TMPDIR={disk} export {disk}/runs/second --recipe onnx-fp16 --overwrite --data {disk}/cells",
    "XDG_STATE_HOME={disk}/state watch {disk}/pictures --once --settle 0 --every 0 " + MODEL,
))  # fmt: skip
TRAINS = ("train", "tune", "import", "export")
"""Commands that know backbones. To import TensorFlow takes longer than all others."""

KIB = (64, None, 0, 1, 4, 16, 256, 1024, 12288)
"""Room on the disk beside what is there; None: it is read-only."""


class FullDisks(Kind):
    quick, sample, full = 12, len(COMMANDS) * 3, len(COMMANDS) * len(KIB)

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.sound = place / "sound"
        self.close()
        shutil.rmtree(self.sound, ignore_errors=True)
        unpack(self.sound)
        tiny_journey.draw_cells(self.sound / "cells")
        self.onnx = next((self.sound / EXPORTS).glob("*onnx-fp32.onnx")).name
        # The board is this machine, and its card is the disk.
        script(place / "ssh", SSH)
        os.environ["PATH"] = f"{place}{os.pathsep}{os.environ['PATH']}"
        for name in ("CACHE", "STATE", "CONFIG"):
            os.environ[f"XDG_{name}_HOME"] = str(place / name.lower())
        os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
        self._make_station_files()

    def close(self) -> None:
        """A process that was killed leaves its disk mounted."""
        while (self.place / "disk").is_mount():
            subprocess.run(["umount", "-l", str(self.place / "disk")], check=True)

    def _make_station_files(self) -> None:
        """A log, a key and a kit."""
        from small_kits import small_kit

        with working_in(self.sound):
            model = ("--model", f"{EXPORTS}/{self.onnx}")
            said = call(
                "watch", "pictures", "--once", "--settle", "0", "--every", "0", "--log", "log.db", *model
            )
            promise(said.status == 0, said.err)
            head = json.loads(call("log", "verify", "--log", "log.db", "--json").out)["head"]
            self.head = f"{head['seq']}:{head['hash']}"
            promise(call("keys", "make", "lab").status == 0, "no key")
            small_kit(Path("kit.zip"))

    def one(self, seed: int) -> str:
        writing = COMMANDS[seed % len(COMMANDS)]
        room = KIB[seed // len(COMMANDS)]
        with disk(self.place / "disk", 24 << 20) as place:
            shutil.copytree(self.sound, place, dirs_exist_ok=True)
            (place / "board.toml").write_text(
                f'reach = "ssh"\nhost = "board"\npython = "{sys.executable}"\npackages = "own"\n'
                f'folder = "{place}/board"\nformats = ["onnx"]\n'
            )
            before = contents(place)
            if room is None:
                mount("-o", "remount,ro", str(place))
            else:
                fill(place / ".rest", room)
            text = writing.words.format(disk=place, place=self.place, onnx=self.onnx)
            with working_in(self.place), changed_environment(text) as words, tunable(words[0]):
                said = SPECIAL.get(words[0], call)(*words)
            if room is None:
                mount("-o", "remount,rw", str(place))
            (place / ".rest").unlink(missing_ok=True)
            what = f"{writing.name} with {room} KiB"
            check(what, said, before, contents(place), writing.replaces)
            promise(
                room is not None or not writing.needed or said.status == 2, f"{what}: status {said.status}"
            )
            if room == KIB[-1] and writing.small:
                promise(said.status != 2, f"{what}: {said.error}")
            self._check_logs(what, place)
        return f"{writing.name} {'refused' if said.status == 2 else 'done'}"

    def _check_logs(self, what: str, place: Path) -> None:
        """The log has all that it had, and what was added holds; an archive is whole."""
        for log in place.glob("*.db"):
            head = ("--head", self.head) if log.name == "log.db" else ()
            holds = call("log", "verify", "--log", log, *head)
            promise(holds.status == 0, f"{what}: {log.name}: {holds.out}{holds.err}")


@contextlib.contextmanager
def changed_environment(text: str) -> Iterator[list[str]]:
    """The words of a command, while those before it that have "=" are set in the environment."""
    words = text.split()
    changes = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        changes[name] = value
    kept = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    tempfile.tempdir = None
    try:
        yield words
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        tempfile.tempdir = None


def served(*words: str) -> Said:
    """`edgeall serve`, which is sent a picture, and ended."""
    from edgeall.cli import serve

    told, answers = serve._tell, list[tuple[int, bytes]]()

    def ask(address: Any) -> None:
        try:
            url = urlsplit(address.url)
            connection = HTTPConnection(str(url.hostname), int(url.port or 0), timeout=30)
            picture = next(Path(words[words.index("--model") + 1]).parents[3].glob("pictures/*.png"))
            connection.request("POST", "/api/pictures?name=a.png", picture.read_bytes())
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def tell(address: Any, display: Any) -> None:
        threading.Thread(target=ask, args=(address,), daemon=True).start()

    serve._tell = tell
    try:
        said = call(*words)
    finally:
        serve._tell = told
    for status, body in answers:
        promise(status == 200 or (status >= 500 and b'"error"' in body), f"answered {status}: {body[:200]!r}")
    promise(answers or said.status == 2, "no answer")
    return said


def installed(*words: str) -> Said:
    """A kit's own program, in a process of its own."""
    kit = Path(words[words.index("--to") + 1]).with_name("kit.zip")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", kit, *words[1:]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    promise("Traceback (most" not in done.stderr, done.stderr[-500:])
    return Said(done.returncode, done.stdout, done.stderr)


def watched(*words: str) -> Said:
    """`edgeall watch --once`, which waits for room where there is none, and is asked to end."""
    asking = threading.Timer(10.0, os.kill, (os.getpid(), signal.SIGTERM))
    asking.start()
    try:
        return call(*words)
    finally:
        asking.cancel()
        asking.join()


def demonstrated(*words: str) -> Said:
    """`edgeall demo`, whose steps write to its standard error."""
    command = [sys.executable, "-m", "edgeall", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    promise("Traceback (most" not in done.stderr, done.stderr[-500:])
    return Said(done.returncode, done.stdout, done.stderr)


SPECIAL = {"demo": demonstrated, "serve": served, "watch": watched, "kit": installed}


def tunable(command: str) -> contextlib.AbstractContextManager[None]:
    """`tunable_backbone` for a command that knows backbones."""
    return tunable_backbone() if command in TRAINS else contextlib.nullcontext()


@contextlib.contextmanager
def tunable_backbone() -> Iterator[None]:
    """The backbone "tiny", with depths to search."""
    from edgeall.tuning.space import DEPTHS

    with tiny_journey.tiny_backbone():
        DEPTHS["tiny"] = ("conv_1", "conv_2")
        yield
        del DEPTHS["tiny"]


def check(
    what: str, said: Said, before: dict[str, bytes], after: dict[str, bytes], replaces: str | None
) -> None:
    """Where a command fails, all is as before but for hidden states of an unfinished one; each file is whole."""
    promise(
        said.status != 2 or said.error.startswith(("edgeall: ", "edgeall-kit: ")),
        f"{what}: {said.err[-300:]}",
    )
    gone = () if said.status == 2 or replaces is None else (replaces,)
    lost = [name for name in before if name not in after and not name.startswith(gone)]
    promise(not lost, f"{what}: {lost[:3]} lost")
    if said.status == 2:
        changed = [name for name in before if after[name] != before[name]]
        promise(not changed, f"{what}: {changed[:3]} changed: {said.error}")
    made = {
        name: content
        for name, content in after.items()
        if "/unpacked/" not in name and "/." not in f"/{name}"
    }
    # ALL-IDB1 has an empty file of coordinates for a smear without blasts.
    empty = [name for name, content in made.items() if not content and not name.endswith(".xyc")]
    promise(not empty, f"{what}: {empty[:3]} empty")


def contents(place: Path) -> dict[str, bytes]:
    """Files by name, without those that are kept on purpose: records of an unfinished bench, and logs, which grow."""
    files = (path for path in place.rglob("*") if path.is_file() and path.name != ".rest")
    named = {path.relative_to(place).as_posix(): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in named.items()
        if not name.endswith((".records.jsonl", "/lock", "/busy")) and ".db" not in name
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
