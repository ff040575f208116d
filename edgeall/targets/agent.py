"""What runs on a board before edgeall is there: this file's text is sent over the connection and executed.

Standard library only, Python 3.11 or newer (`edgeall.targets.connection` asks before it sends). A request is one line
of JSON, with bytes after it where files are pushed; an answer is one line of JSON. `measure` answers with the lines of
`edgeall.measuring.runner` instead.
"""

import contextlib
import errno
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

_CHUNK = 1 << 20
_PATIENCE_SECONDS = 20.0
"""How long an earlier measurement of the same bench may take to end after it was told to."""


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """What the board is and has, before anything is put there.

    `environment` holds (name, source) of `edgeall.measuring.environment` and of what it is made of, in the order in
    which they need each other; they are run as they are, from memory.
    """
    folder = _folder(request)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    disk = os.statvfs(existing)
    for package in ("edgeall", "edgeall.measuring"):
        sys.modules.setdefault(package, types.ModuleType(package))
    sys.modules["edgeall"].__dict__["__version__"] = request["version"]
    for name, source in request["environment"]:
        module = types.ModuleType(name)
        if sys.modules.setdefault(name, module) is module:
            exec(compile(source, f"{name}.py", "exec"), module.__dict__)  # noqa: S102
            package, _, last = name.rpartition(".")
            setattr(sys.modules[package], last, module)
    return {
        "folder": str(folder),
        "writable": os.access(existing, os.W_OK | os.X_OK),
        "executable": not disk.f_flag & getattr(os, "ST_NOEXEC", 0),
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        "clock": time.time(),
        "environment": sys.modules["edgeall.measuring.environment"].__dict__["environment"](),
    }


def missing(request: dict[str, Any]) -> list[int]:
    """Which of `files` ({"to", "sha256"}) are not here, or not with these bytes."""
    folder = _folder(request)
    return [
        index
        for index, file in enumerate(request["files"])
        if _digest(_inside(folder, file["to"])) != file["sha256"]
    ]


def receive(request: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
    """Put `files` ({"to", "sha256", "size"}) in place, each whole or not at all; their bytes follow in that order."""
    folder = _folder(request)
    for file in request["files"]:
        place = _inside(folder, file["to"])
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part.", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as part:
                digest = _copy(stream, part, file["size"])
            if digest != file["sha256"]:
                return {
                    "error": f"{file['to']} arrived damaged, or was changed while it was sent",
                    "errno": None,
                }
            Path(name).chmod(0o644)
            Path(name).replace(place)
        finally:
            Path(name).unlink(missing_ok=True)
    return {"received": len(request["files"])}


def unpack(request: dict[str, Any]) -> dict[str, Any]:
    """Unpack `archives` (wheels, or other ZIP files) into the one folder `into`, unless that was done before."""
    folder = _folder(request)
    into = _inside(folder, request["into"])
    fresh = not into.is_dir()
    if fresh:
        into.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part.", dir=into.parent))
        try:
            for archive in request["archives"]:
                _unpack(_inside(folder, archive), part)
            part.chmod(0o755)
            with contextlib.suppress(FileExistsError):
                part.rename(into)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return {"into": str(into), "fresh": fresh}


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Put the executable text file `to` in place."""
    place = _inside(_folder(request), request["to"])
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part.", dir=place.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as part:
        part.write(request["text"])
    Path(name).chmod(0o755)
    Path(name).replace(place)
    return {"to": str(place)}


def engines(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How importing each of `modules` ends, in a process of its own: {"status", "last"}, the exit status (negative: by
    that signal) and the last line on standard error.

    `paths` None: those of the launcher at `launcher`; nothing is tried where there is none. With `keep`, their bytecode
    is left for the first start; without, nothing is written.
    """
    if request["paths"] is None:
        try:
            text = _inside(_folder(request), request["launcher"]).read_text(encoding="utf-8")
        except OSError:
            return {}
        set_there = dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)
        surroundings = {**os.environ, **set_there}
    else:
        surroundings = _environment(request)
    frugal = [] if request["keep"] else ["-B"]
    answers = {}
    for module in request["modules"]:
        done = subprocess.run(  # noqa: S603
            [sys.executable, *frugal, "-P", "-c", f"import {module}"],
            env=surroundings,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        answers[module] = {"status": done.returncode, "last": lines[-1] if lines else ""}
    return answers


def measure(request: dict[str, Any], stream: BinaryIO) -> int:
    """Run the conductor; stop it and its workers when the workstation goes away, which closes standard input.

    One bench at a time: two would spoil each other's figures. A bench that comes back after its connection was lost
    (the same `token`) ends what is left of itself first.
    """
    folder = _folder(request)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "busy", request["token"]) as claim:
        conductor = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgeall.measuring.runner"],
            stdin=subprocess.PIPE,
            env=_environment(request),
            start_new_session=True,
            # Whoever holds the lock measures: not this process alone, which may be killed by itself.
            pass_fds=(claim,),
        )
        _say_who(claim, request["token"], conductor.pid)
        assert conductor.stdin is not None
        # A conductor that has ended already tells why by itself.
        with contextlib.suppress(BrokenPipeError), conductor.stdin:
            conductor.stdin.write(json.dumps(request["request"]).encode())
        watcher = os.fork()
        if watcher == 0:
            stream.read()
            _kill(conductor.pid)
            os._exit(0)
        status = conductor.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(watcher, signal.SIGKILL)
        return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _alone(path: Path, token: str) -> Iterator[int]:
    """Hold the board's lock; ends the earlier holder if it is of the same bench."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _holder(path)
                if holder.get("token") == token:
                    _kill(holder["group"])
                elif time.monotonic() > deadline - _PATIENCE_SECONDS + 2:
                    raise SystemExit("another bench is measuring on this board; wait for it to end") from None
                if time.monotonic() > deadline:
                    raise SystemExit(
                        "what was measured before the connection was lost does not end"
                    ) from None
                time.sleep(0.1)
        yield handle
    finally:
        os.close(handle)


def _say_who(handle: int, token: str, group: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"token": token, "group": group}).encode(), 0)


def _holder(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except ValueError:
        return {}


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _environment(request: dict[str, Any]) -> dict[str, str]:
    folder = _folder(request)
    paths = [str(_inside(folder, path)) for path in request["paths"]]
    isolated = {"PYTHONNOUSERSITE": "1"} if request["isolated"] else {}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **isolated}


def _unpack(archive: Path, into: Path) -> None:
    """As an installer unpacks a wheel: what its `.data` folder has for the library goes there, scripts are left."""
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            parts = PurePosixPath(member.filename).parts
            if parts and parts[0].endswith(".data"):
                if len(parts) < 3 or parts[1] not in ("purelib", "platlib"):
                    continue
                parts = parts[2:]
            if member.is_dir() or not parts:
                continue
            place = _inside(into, "/".join(parts))
            place.parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _copy(stream: BinaryIO, target: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size:
        chunk = stream.read(min(size, _CHUNK))
        if not chunk:
            raise EOFError("the connection was lost")
        digest.update(chunk)
        target.write(chunk)
        size -= len(chunk)
    return digest.hexdigest()


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _folder(request: dict[str, Any]) -> Path:
    return Path(request["folder"]).expanduser().absolute()


def _inside(folder: Path, name: str) -> Path:
    """`folder/name`; refuses a name that leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"{name!r} is not a place inside {folder}")
    return folder / path


_VERBS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "probe": probe,
    "missing": missing,
    "unpack": unpack,
    "write": write,
    "engines": engines,
}


def answer(verb: str) -> int:
    """Carry out the request on standard input; an error of the system is an answer too."""
    stream = sys.stdin.buffer
    request = json.loads(stream.readline())
    try:
        if verb == "measure":
            return measure(request, stream)
        told = receive(request, stream) if verb == "receive" else _VERBS[verb](request)
    except EOFError:
        return 1
    except OSError as error:
        told = {"error": error.strerror or str(error), "errno": errno.errorcode.get(error.errno or 0)}
    print(json.dumps(told), flush=True)
    return 0
