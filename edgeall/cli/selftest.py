"""`edgeall selftest`: whether artifacts answer here as they did when they were made."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall import artifact as artifacts
from edgeall.artifact import Artifact
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.engines import FILES
from edgeall.errors import EdgeallError, SelftestError

if TYPE_CHECKING:
    from edgeall.golden.checking import Outcome


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("artifacts", nargs="+", metavar="ARTIFACT", type=Path, help=f"{FILES} files")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="engine threads (default: 1)")
    parser.epilog = (
        "Each artifact carries four drawn pictures and the answers that its engine gave to them when it was made. "
        "Exit status: 0 the engines give these answers here, 1 an artifact carries none, 2 answers are wrong, or an "
        "artifact cannot be run."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Run the golden pictures of each artifact; one line an artifact."""
    rows, status = [], 0
    for path in args.artifacts:
        row, own = _one(path, args.threads, display)
        rows.append(row)
        status = max(status, own)
    display.emit({"artifacts": rows})
    return status


def _one(path: Path, threads: int, display: Display) -> tuple[dict[str, Any], int]:
    """An artifact's JSON object and exit status; prints its line."""
    row: dict[str, Any] = {"path": str(path), "right": None}
    try:
        artifact = artifacts.read(path)
        row["sha256"] = artifact.sha256
        outcome = _answers(artifact, threads)
    except EdgeallError as error:
        display.error(str(error))
        return row | {"error": str(error)}, error.exit_status
    row |= {
        "right": outcome.right,
        "engine": {"name": outcome.engine, "version": outcome.version},
        "difference": outcome.difference,
        "largest": outcome.largest,
        "expected": outcome.expected,
        "seen": outcome.seen,
        "ms": outcome.milliseconds,
    }
    if not outcome.right:
        from edgeall.golden.checking import wrong

        message = wrong(artifact, outcome)
        display.error(message)
        return row | {"error": message}, SelftestError.exit_status
    if not display.as_json:
        display.show(_line(path, outcome))
    return row, 0


def _answers(artifact: Artifact, threads: int) -> "Outcome":
    from edgeall.golden.checking import run as answer
    from edgeall.runtimes import open_session

    with crash_message(artifact), open_session(artifact, threads) as session:
        return answer(artifact, session)


def _line(path: Path, outcome: "Outcome") -> str:
    rough = "; its answers are near 0 or 1, so that small errors do not show" if outcome.saturated else ""
    return (
        f"{path}: right with {outcome.engine} {outcome.version}: largest difference {outcome.largest:.1g}, "
        f"{outcome.difference:.2g} of the tolerance, {outcome.milliseconds:.0f} ms{rough}"
    )
