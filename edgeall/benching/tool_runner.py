"""Engines' own benchmark tools at work: found on this machine, run in bounded time, asked for their report."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from edgeall import documents, telemetry
from edgeall.artifact import Format
from edgeall.benching.external_tools import CONFIGURATION, Tool, ToolReport, ToolRequest
from edgeall.engines import ENGINES, load
from edgeall.errors import MeasurementError
from edgeall.measuring.runner import surroundings
from edgeall.measuring.signals import ending


@dataclass(frozen=True)
class FoundTool:
    """A tool on this machine. `version` is None where it was named by the user, and does not tell."""

    tool: Tool
    command: tuple[str, ...]
    version: str | None


def find(format: Format, engine: str) -> FoundTool:
    """The tool for artifacts of `format` that ran in the distribution `engine`.

    Raises:
        MeasurementError: there is none; says why.
    """
    row = ENGINES[format]
    if row.tool is None:
        raise MeasurementError(row.no_tool)
    tool: Tool = load(row.tool)
    if engine != tool.engine:
        raise MeasurementError(f"it ran in {engine}, and {tool.name} measures {tool.engine}")
    if program := os.environ.get(tool.variable):
        if not os.access(program, os.X_OK) or not Path(program).is_file():
            raise MeasurementError(f"{tool.variable} names {program}, which is no program")
        return FoundTool(tool, (str(Path(program).absolute()),), None)
    if not _importable(tool.module):
        raise MeasurementError(
            f"{tool.name} is not part of {tool.engine} {metadata.version(tool.engine)} as installed here; "
            f"{tool.variable} may name one"
        )
    entry = f"import sys; from {tool.module} import main; sys.exit(main())"
    return FoundTool(tool, (sys.executable, "-P", "-c", entry), metadata.version(tool.engine))


def measure(found: FoundTool, asked: ToolRequest, seconds: float) -> ToolReport:
    """Run the tool once; whatever it started is gone after `seconds`.

    Raises:
        MeasurementError: it failed, took too long, or its report is not about what was asked.
    """
    tool = found.tool
    with tempfile.TemporaryDirectory(prefix="edgeall-") as name:
        folder = Path(name)
        if tool.configuration is not None:
            (folder / CONFIGURATION).write_text(json.dumps(tool.configuration(asked)), encoding="utf-8")
        status, said = _run([*found.command, *tool.options(asked)], folder, asked.threads, seconds)
        if status is None:
            raise MeasurementError(f"{tool.name} was stopped after {seconds:g} s without an answer")
        if status != 0:
            raise MeasurementError(f"{tool.name} {ending(status, said)}")
        try:
            report = documents.load(folder / tool.report)
        except documents.DocumentError as error:
            raise MeasurementError(f"{tool.name} left no report that can be read ({error})") from None
    return tool.read(report, asked)


def _run(command: list[str], folder: Path, threads: int, seconds: float) -> tuple[int | None, str]:
    """(exit status, all that it said); the status is None where it was stopped."""
    with (folder / ".said").open("w+b") as said:
        # A process group of its own, so that what it starts ends with it. Not a session of its own: Linux schedules
        # sessions apart, and the tool must get the processor on the same terms as edgeall's worker.
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**surroundings(threads), **telemetry.FOREIGN},
            process_group=0 if os.name == "posix" else None,
        )
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(process)
        said.seek(0)
        return status, said.read().decode("utf-8", errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _importable(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ImportError:
        return False
