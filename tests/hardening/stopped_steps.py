"""A process that replaces a file or folder is stopped, or refused, at each call of the system that changes the disk.

The calls are every rename, exchange, unlink, rmdir, mkdir, fsync and write-open. At each, one process is killed before
it, one after it, and one gets each of the errors of a full, failing, read-only or closed disk.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import signal
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answered_run import make_answered_run
from campaign import Kind, one_line, promise
from killed_replacing import content, fill

from edgeall import bundling, files, predictions, runs
from edgeall.artifact import Parity, files_of
from edgeall.errors import EdgeallError
from edgeall.exporting import manifest
from edgeall.exporting.sealing import _move_in
from edgeall.field.verdict_file import verdict_file
from edgeall.station import installing, unpacking
from edgeall.targets import agent

CALLS = ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "fsync")
WAYS: tuple[str | int, ...] = (
    "killed before",
    "killed after",
    errno.ENOSPC,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
)
REFUSED = 7


@dataclass(frozen=True)
class Replacing:
    """A function that replaces what is at a place: what stands there, what is done, and how it looks then.

    `look` tells "old", "new", "none" where nothing may be there, or raises an error for anything else.
    """

    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    look: Callable[[Path], str]
    between: tuple[str, ...] = ()
    """What else may be there after a stop."""


def _text(place: Path) -> str:
    path = place / "one.json"
    return {None: "none", "old" * 9999: "old", "new" * 9999: "new"}[
        path.read_text() if path.exists() else None
    ]


def _folder(place: Path) -> str:
    return content(place / "run")


def _run(place: Path) -> str:
    """The whole run: its decision and predictions belong together."""
    run = runs.load(place / "run")
    return "new" if run.seed else "old"


def _save_run(place: Path, seed: int) -> None:
    import dataclasses

    runs.save(dataclasses.replace(runs.load(place / "run"), seed=seed))


def _manifest(place: Path) -> str:
    found = set(manifest.read(runs.load(place / "run")))
    return {frozenset({"a.onnx"}): "old", frozenset({"a.onnx", "b.onnx"}): "new"}[frozenset(found)]


def _add(place: Path, name: str) -> None:
    run = runs.load(place / "run")
    path = run.exports / f"{name}.onnx"
    path.write_bytes(b"")
    parity = Parity(8, 1.0, 0.0, 0.0, True)
    free: tuple[Any, ...] = (parity, "2" * 64, (), (), None, None)
    entry = (path, run.name, run.backbone, "onnx-int8", "onnx", "int8", 5, "1" * 64, 1.5)
    manifest.add(run, manifest.Exported(*entry, *free))


def _make_run(place: Path) -> None:
    make_answered_run(place / "run", [1]).exports.mkdir()
    _add(place, "a")


def _predictions(place: Path) -> str:
    run = runs.load(place / "run")
    said = predictions.of_run(run)["test"]
    return "new" if said.probabilities[0, 0] == 0.99 else "old"


def _write_predictions(place: Path) -> None:
    run = runs.load(place / "run")
    said = predictions.of_run(run)
    said["test"].probabilities[0] = (0.99, 0.01)
    predictions.write(run.path / predictions.FILE, said, run.decision.labels)


def _verdicts(place: Path) -> str:
    return {False: "none", True: "new"}[(place / "v.csv").exists()]


def _write_verdicts(place: Path) -> None:
    with verdict_file(place / "v.csv", "0" * 64, {}) as file:
        file.finish()


def _move(place: Path, name: str, text: str) -> None:
    """An artifact's files, as an export moves them into place."""
    made = place / "made" / name
    made.parent.mkdir()
    for path in files_of(made):
        path.write_text(text)
    _move_in(made, place / name)
    made.parent.rmdir()


def _artifact(place: Path, name: str) -> str:
    """What its files hold; none where its main file is missing."""
    found = {path.read_text() for path in files_of(place / name)} if (place / name).exists() else {"none"}
    return "torn" if len(found) > 1 else found.pop()


def _make_keys(place: Path) -> None:
    made = bundling.make_key(place / "lab", overwrite=True)[2]
    # Which of the pairs it is.
    if not (place / "first").exists():
        (place / "first").write_text(made.fingerprint)


def _keys(place: Path) -> str:
    """Whose pair it is; none where the public key is missing."""
    if not (place / "lab.pub").exists():
        return "none"
    made = bundling.load_key(place / "lab.key")
    if made.public != bundling.load_public_key(place / "lab.pub"):
        return "torn"
    return "old" if made.fingerprint == (place / "first").read_text() else "new"


def _of_board(place: Path, verb: str, text: str) -> None:
    """The agent puts a file on the board, or packages."""
    request: dict[str, Any] = {"folder": str(place), "to": "it", "text": text}
    if verb == "receive":
        digest = hashlib.sha256(text.encode()).hexdigest()
        request["files"] = [{"to": "it", "sha256": digest, "size": len(text)}]
        agent.receive(request, io.BytesIO(text.encode()))
    elif verb == "write":
        agent.write(request)
    else:
        with zipfile.ZipFile(place / "a.zip", "w") as archive:
            archive.writestr("it", text)
            archive.writestr("in/it", text)
        source = Path(unpacking.__file__).read_text()
        agent.unpack({"folder": str(place), "archives": ["a.zip"], "into": "packages", "unpacking": source})


def _packages(place: Path) -> str:
    into = place / "packages"
    found = {path.read_text() if path.exists() else "lost" for path in (into / "it", into / "in" / "it")}
    return ("torn" if len(found) > 1 else found.pop()) if into.exists() else "none"


def _plain(place: Path) -> str:
    return (place / "it").read_text() if (place / "it").exists() else "none"


def _old(place: Path) -> None:
    (place / "it").write_text("old")


FUNCTIONS: dict[str, Replacing] = {
    "a new file": Replacing(lambda p: None, lambda p: files.write_text(p / "one.json", "new" * 9999), _text),
    "a file": Replacing(
        lambda p: files.write_text(p / "one.json", "old" * 9999),
        lambda p: files.write_text(p / "one.json", "new" * 9999),
        _text,
    ),
    "a new folder": Replacing(lambda p: None, lambda p: _replace(p), _folder),
    "a folder": Replacing(lambda p: fill(p / "run", b"o"), lambda p: _replace(p), _folder),
    "a folder by renames": Replacing(lambda p: fill(p / "run", b"o"), lambda p: _by_renames(p), _folder),
    "run.json": Replacing(_make_run, lambda p: _save_run(p, 1), _run),
    "predictions.csv": Replacing(_make_run, _write_predictions, _predictions),
    "manifest.json": Replacing(_make_run, lambda p: _add(p, "b"), _manifest),
    "a file of verdicts": Replacing(lambda p: None, _write_verdicts, _verdicts),
    "an artifact": Replacing(
        lambda p: _move(p, "a.onnx", "old"),
        lambda p: _move(p, "a.onnx", "new"),
        lambda p: _artifact(p, "a.onnx"),
    ),
    "an artifact of two files": Replacing(
        lambda p: _move(p, "a.xml", "old"),
        lambda p: _move(p, "a.xml", "new"),
        lambda p: _artifact(p, "a.xml"),
        between=("none",),
    ),
    "a pair of keys": Replacing(_make_keys, _make_keys, _keys, between=("none",)),
    "a file of a station": Replacing(_old, lambda p: installing.write_file(p / "it", b"new"), _plain),
    "a file on a board": Replacing(_old, lambda p: _of_board(p, "receive", "new"), _plain),
    "a launcher on a board": Replacing(_old, lambda p: _of_board(p, "write", "new"), _plain),
    "packages on a board": Replacing(lambda p: None, lambda p: _of_board(p, "unpack", "new"), _packages),
}


def _replace(place: Path) -> None:
    with files.replacing_folder(place / "run", overwrite=True) as part:
        fill(part, b"n")


def _by_renames(place: Path) -> None:
    files._exchange = lambda one, other: False
    _replace(place)


class StoppedSteps(Kind):
    quick = 2 * len(FUNCTIONS)
    sample = full = len(FUNCTIONS) * len(WAYS)
    parts = "stops"

    def one(self, seed: int) -> list[str]:
        name, way = list(FUNCTIONS)[seed % len(FUNCTIONS)], WAYS[seed // len(FUNCTIONS)]
        function, place = FUNCTIONS[name], self.place / "steps"
        steps = 0
        while True:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            function.prepare(place)
            before = function.look(place)
            status = _child(function, place, steps, way)
            if status == 0:
                break
            promise(
                isinstance(way, int) or status == -signal.SIGKILL, f"{name}: step {steps}: status {status}"
            )
            promise(
                isinstance(way, str) or status == REFUSED, f"{name}, {way}: step {steps}: status {status}"
            )
            # The next call puts back what stood there, where names cannot be exchanged.
            files._clean_up(place / "run")
            after = function.look(place)
            promise(
                after in (before, "new", *function.between),
                f"{name}, {way}: step {steps}: {after}, {before} before",
            )
            if isinstance(way, int):
                # A disk that refuses to remove a file keeps it; all else is tidied.
                left = [path.name for path in place.rglob(".*") if not path.name.endswith(".unfinished")]
                promise(len(left) <= 1, f"{name}, {way}: step {steps} leaves {left}")
            steps += 1
        promise(steps, f"{name} takes no step")
        promise(function.look(place) == "new", f"{name} is not done at its end")
        return [f"{name} {'killed' if isinstance(way, str) else 'refused'}"] * steps


def _child(function: Replacing, place: Path, step: int, way: str | int) -> int:
    """0 where the function ended before that step."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            counted = _Steps(step, way)
            for owner, name in (*((os, name) for name in CALLS), (files, "_exchange")):
                setattr(owner, name, counted.of(getattr(owner, name)))
            function.act(place)
            status = 0 if counted.left >= 0 else REFUSED
        except (EdgeallError, OSError) as error:
            # The command line makes one line of either.
            with contextlib.suppress(AssertionError):
                one_line(str(error))
                status = REFUSED
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


class _Steps:
    """Counts calls, and stops the process, or refuses the call, at one of them."""

    def __init__(self, step: int, way: str | int) -> None:
        self.left, self._way = step, way

    def of(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*words: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left != -1:
                return call(*words, **options)
            if isinstance(self._way, int):
                raise OSError(self._way, os.strerror(self._way))
            try:
                if self._way == "killed after":
                    call(*words, **options)
            finally:
                os.kill(os.getpid(), signal.SIGKILL)

        return counted
