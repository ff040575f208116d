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

FORMATS = ("terminal", "markdown", "html", "pdf", "csv", "json")
_BY_SUFFIX = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".csv": "csv",
    ".json": "json",
    ".txt": "terminal",
}
_WRITERS = {"markdown": "markdown", "csv": "to_csv"}
"""Functions of `edgeall.reporting` that give the whole text."""

_IN_FILES = ("html", "pdf")
"""Formats that nobody reads on a terminal."""
_TEXT_WIDTH = 160


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    add_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="write to FILE: .html, .pdf, .md, .csv, .json or .txt",
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
        _write(form, benches, found, args.output)
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
    form = args.format or _BY_SUFFIX.get(suffix) or ("" if suffix else "terminal")
    if args.output is not None and not form:
        raise UsageError(
            f"{args.output}: name it .html, .pdf, .md, .csv, .json or .txt, or say which with --format"
        )
    if args.output is None and form in _IN_FILES:
        raise UsageError(f"--format {form} needs a file: add -o report.{form}")
    if args.json and args.output is None and form in _WRITERS:
        raise UsageError(f"--json and --format {form} contradict each other; leave one out")
    return str(form)


def _write(form: str, benches: "tuple[Bench, ...]", found: list[Path], output: Path) -> None:
    if form in _IN_FILES:
        from edgeall.reporting import page

        text = page.html(benches, found)
        if form == "pdf":
            page.write_pdf(text, output)
            return
    else:
        text = _text(form, benches)
    files.write_text(output, text)


def _text(form: str, benches: "tuple[Bench, ...]") -> str:
    from edgeall import reporting

    if form == "json":
        return json.dumps(reporting.to_json(benches), indent=1, allow_nan=False) + "\n"
    if form in _WRITERS:
        return str(getattr(reporting, _WRITERS[form])(benches))
    return reporting.plain_text(benches, _TEXT_WIDTH)
