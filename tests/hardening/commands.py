"""Calls of the command line in this process, and what must hold of every one of them."""

import contextlib
import io
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign import promise

from edgeall.cli.main import main


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line of standard error."""
        return (self.err.splitlines() or [""])[-1]


def call(*words: str | Path) -> Said:
    """`edgeall WORDS`; what must hold of every call is checked.

    Raises:
        Broken: it does not.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
    said = Said(status, out.getvalue(), err.getvalue())
    check(said)
    return said


def check(said: Said) -> None:
    """A known status; for status 2 one line that says why, and no result; no control characters anywhere."""
    promise(said.status in (0, 1, 2), f"status {said.status}")
    text = said.out + said.err
    promise("Traceback (most" not in text, said.err[-500:])
    strange = {letter for letter in text if not letter.isprintable()} - {"\n"}
    promise(not strange, f"{strange} in what is printed")
    errors = [line for line in said.err.splitlines() if line.startswith("edgeall: ")]
    if said.status == 2:
        promise(len(errors) >= 1, f"status 2 without a reason: {said.err[-300:]}")
        promise(said.err.splitlines()[-1] == errors[-1] or said.out or "inputs:" in said.err, said.err[-300:])


SHARES = frozenset(("accuracy", "f1", "auc", "sensitivity", "specificity", "accuracy_over_subjects"))


def check_figures(document: Any, place: str = "") -> None:
    """No figure that cannot be: shares and their intervals within 0 and 1, in order; nothing that is no number."""
    if isinstance(document, list):
        for index, each in enumerate(document):
            check_figures(each, f"{place}[{index}]")
    if isinstance(document, float):
        promise(math.isfinite(document), f"{place} is {document}")
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        check_figures(value, f"{place}.{key}")
        if key in SHARES and isinstance(value, dict) and isinstance(value.get("value"), int | float):
            figures = [value.get("low"), value["value"], value.get("high")]
            known = [figure for figure in figures if figure is not None]
            promise(all(0 <= figure <= 1 for figure in known), f"{place}.{key} is {value}")
        if key.endswith("_ms") and isinstance(value, dict) and isinstance(value.get("p50"), int | float):
            promise(value["p50"] > 0, f"{place}.{key} is {value['p50']}")


def documents_in(text: str) -> Any:
    """The JSON that a command printed: one document, or one a line."""
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
