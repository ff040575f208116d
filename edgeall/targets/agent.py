"""The agent: a program that is sent to a board as source, and runs there before edgeall is installed.

It uses the standard library of Python 3.11 or newer (`edgeall.targets.connection` checks the version first). A request
is one line of JSON, followed by bytes where files are sent. A response is one line of JSON, except for `measure`, whose
response is the lines of `edgeall.measuring.runner`.
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
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

_CHUNK = 1 << 20
_KILL_TIMEOUT_SECONDS = 20.0
"""Longest time for an earlier measurement of the same bench to end after it was killed."""

_BUSY_TIMEOUT_SECONDS = 2.0
"""Longest time to wait for a measurement of another bench."""


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """Properties of the board, without writing to it.

    The request's `environment` has (name, source) of `edgeall.measuring.environment` and its parts, in the order of
    their imports. The sources are executed from memory.
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
    """Indices of the `files` ({"to", "sha256"}) that are missing on the board or have other content."""
    folder = _folder(request)
    return [
        index
        for index, file in enumerate(request["files"])
        if _digest(_inside(folder, file["to"])) != file["sha256"]
    ]


def receive(request: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
    """Write `files` ({"to", "sha256", "size"}), each whole or not at all. Their bytes follow the request, in order."""
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
    """Unpack `archives` (wheels, or other ZIP files) into one folder `into`, unless it exists.

    The request's `unpacking` is the source of `edgeall.station.unpacking`.
    """
    unpacking = types.ModuleType("unpacking")
    exec(compile(request["unpacking"], "unpacking.py", "exec"), unpacking.__dict__)  # noqa: S102
    folder = _folder(request)
    into = _inside(folder, request["into"])
    fresh = not into.is_dir()
    if fresh:
        into.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part.", dir=into.parent))
        try:
            for archive in request["archives"]:
                unpacking.unpack(_inside(folder, archive), part)
            part.chmod(0o755)
            # A folder with this name is taken for whole ever after, also after a power failure. One call for all files:
            # thousands, one after the other, take minutes on an SD card.
            os.sync()
            with contextlib.suppress(FileExistsError):
                part.rename(into)
        except unpacking.UnpackingError as error:
            return {"error": f"refused to unpack: {error}", "errno": None}
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return {"into": str(into), "fresh": fresh}


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Write the executable text file `to`."""
    place = _inside(_folder(request), request["to"])
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part.", dir=place.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write(request["text"])
            part.flush()
            os.fsync(part.fileno())
        Path(name).chmod(0o755)
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)
    return {"to": str(place)}


def engines(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Import each of `modules` in its own process; {"status", "last"} by module.

    `status` is the exit status (negative: a signal), `last` the last line on standard error. With `paths` None, the
    paths of the launcher at `launcher` are used; without a launcher nothing is tried. With `keep`, bytecode is written,
    which makes the first start faster. `variables` keep engines from reporting on the board: edgeall, which switches
    that off, is not loaded with them.
    """
    if request["paths"] is None:
        try:
            text = _inside(_folder(request), request["launcher"]).read_text(encoding="utf-8")
        except OSError:
            return {}
        variables = dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)
        environment = {**os.environ, **variables}
    else:
        environment = _environment(request)
    environment |= request["variables"]
    no_bytecode = [] if request["keep"] else ["-B"]
    results = {}
    for module in request["modules"]:
        done = subprocess.run(  # noqa: S603
            [sys.executable, *no_bytecode, "-P", "-c", f"import {module}"],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        results[module] = {"status": done.returncode, "last": lines[-1] if lines else ""}
    return results


def measure(request: dict[str, Any], stream: BinaryIO) -> int:
    """Run the measuring plan; returns an exit status.

    The runner and its workers are stopped when standard input closes, that is when the workstation disconnects. Only
    one bench runs at a time, because two would distort each other's timings. A bench that reconnects (the same `token`)
    first kills its earlier runner.
    """
    folder = _folder(request)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "busy", request["token"]) as lock:
        runner = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgeall.measuring.runner"],
            stdin=subprocess.PIPE,
            env=_environment(request),
            start_new_session=True,
            # The runner inherits the lock, which so outlives this process if only this one is killed.
            pass_fds=(lock,),
        )
        _write_holder(lock, request["token"], runner.pid)
        assert runner.stdin is not None
        # A runner that has already ended reports the reason itself.
        with contextlib.suppress(BrokenPipeError), runner.stdin:
            runner.stdin.write(json.dumps(request["request"]).encode())
        watcher = os.fork()
        if watcher == 0:
            stream.read()
            _kill(runner.pid)
            os._exit(0)
        status = runner.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(watcher, signal.SIGKILL)
        return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _locked(path: Path, token: str) -> Iterator[int]:
    """Hold the board's lock. An earlier holder of the same bench is killed."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder, waited = _read_holder(path), time.monotonic() - started
                if holder.get("token") == token:
                    _kill(holder["group"])
                elif waited > _BUSY_TIMEOUT_SECONDS:
                    raise SystemExit("another bench is measuring on this board; wait for it to end") from None
                if waited > _KILL_TIMEOUT_SECONDS:
                    raise SystemExit(
                        "the measurement from before the connection was lost does not end"
                    ) from None
                time.sleep(0.1)
        yield handle
    finally:
        os.close(handle)


def _write_holder(handle: int, token: str, group: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"token": token, "group": group}).encode(), 0)


def _read_holder(path: Path) -> dict[str, Any]:
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
    """`folder/name`. Raises ValueError for a name that leads out of it."""
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


def handle(verb: str) -> int:
    """Handle the request on standard input; returns an exit status. System errors are sent as responses."""
    stream = sys.stdin.buffer
    request = json.loads(stream.readline())
    try:
        if verb == "measure":
            return measure(request, stream)
        response = receive(request, stream) if verb == "receive" else _VERBS[verb](request)
    except EOFError:
        return 1
    except OSError as error:
        response = {"error": error.strerror or str(error), "errno": errno.errorcode.get(error.errno or 0)}
    print(json.dumps(response), flush=True)
    return 0
