"""`edgeall report`: bench results as a table and a verdict in words."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall import files
from edgeall.cli.display import Display
from edgeall.cli.result_files import add_argument, find
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.results import Bench

FORMATS = ("terminal", "markdown", "csv", "json")
_BY_SUFFIX = {".md": "markdown", ".markdown": "markdown", ".csv": "csv", ".json": "json", ".txt": "terminal"}
_WRITERS = {"markdown": "markdown", "csv": "to_csv"}
"""Functions of `edgeall.reporting` that give the whole text."""
_TEXT_WIDTH = 160


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    add_argument(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write to FILE: .md, .csv, .json or .txt"
    )
    parser.add_argument("--format", choices=FORMATS, help="default: by FILE's suffix, else terminal")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")


def run(args: argparse.Namespace, display: Display) -> int:
    """Print or write the report."""
    form = _format(args)
    if args.output is not None:
        files.refuse_overwrite(args.output, args.overwrite)
    found = find(args.results)

    from edgeall import reporting, results

    benches = results.load(found)
    if args.output is not None:
        files.write_text(args.output, _text(form, benches))
        display.note(f"wrote {args.output}")
    if args.json or (form == "json" and args.output is None):
        display.as_json = True
        display.emit(reporting.to_json(benches))
    elif args.output is None:
        if form in _WRITERS:
            display.show(*_text(form, benches).removesuffix("\n").split("\n"))
        else:
            display.show(reporting.Terminal(benches))
    return 0


def _format(args: argparse.Namespace) -> str:
    suffix = "" if args.output is None else args.output.suffix.lower()
    if suffix in (".html", ".htm"):
        raise UsageError(
            f"{args.output}: reports are written as Markdown or JSON, not yet as HTML; name it .md or .json"
        )
    form = args.format or _BY_SUFFIX.get(suffix) or ("" if suffix else "terminal")
    if args.output is not None and not form:
        raise UsageError(f"{args.output}: name it .md, .csv, .json or .txt, or say which with --format")
    if args.json and args.output is None and form in _WRITERS:
        raise UsageError(f"--json and --format {form} contradict each other; leave one out")
    return str(form)


def _text(form: str, benches: "tuple[Bench, ...]") -> str:
    from edgeall import reporting

    if form == "json":
        return json.dumps(reporting.to_json(benches), indent=1, allow_nan=False) + "\n"
    if form in _WRITERS:
        return str(getattr(reporting, _WRITERS[form])(benches))
    return reporting.plain_text(benches, _TEXT_WIDTH)
