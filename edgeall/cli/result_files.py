"""Result files of bench as commands take them: files, run folders, or all under ./runs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edgeall import files, runs
from edgeall.errors import UsageError


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument `results`, for `find`."""
    parser.add_argument(
        "results",
        metavar="RESULT",
        nargs="*",
        type=Path,
        help="result files of bench, or run folders (default: every ./runs/*/bench/*.json)",
    )


def find(named: Sequence[Path]) -> list[Path]:
    """The files that are meant, each once; without names every `./runs/*/bench/*.json`.

    Raises:
        UsageError: there is none.
    """
    if not named:
        found = [file for file in sorted(runs.RUNS_FOLDER.glob("*/bench/*.json")) if _is_result(file)]
        if not found:
            raise UsageError(
                f"no results under {runs.RUNS_FOLDER}/*/bench; make them with edgeall bench, or name files"
            )
        return found
    return list(dict.fromkeys(file for path in named for file in _of(path)))


def _is_result(file: Path) -> bool:
    """What a killed process left unfinished, in a run's folder or beside it, is none."""
    return not files.is_hidden(file) and not files.is_hidden(file.parent.parent)


def _of(path: Path) -> list[Path]:
    if path.suffix == ".json" or path.is_file():
        return [path]
    for folder in (path, runs.RUNS_FOLDER / path):
        if folder.is_dir():
            inside = [file for file in sorted(folder.glob("bench/*.json")) if not files.is_hidden(file)]
            if not inside:
                raise UsageError(
                    f"{folder}: no results there (bench/*.json); make them with: edgeall bench {path}"
                )
            return inside
    raise UsageError(f"{path}: no such result file or run")
