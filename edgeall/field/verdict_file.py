"""A file of verdicts, CSV or JSON Lines, which is whole or absent.

While pictures are classified, each answer is appended to a hidden journal beside the file. The file itself is written
from all answers at the end, and the journal removed. After an interruption the journal has the finished answers, and
the next call with the same artifact and settings takes them from there. An answer is taken only for a file of the same
size and time of modification.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from edgeall import __version__, documents
from edgeall.csv_cells import harmless, visible
from edgeall.errors import FileError, UsageError
from edgeall.field.answers import Classified, Failed
from edgeall.field.classify import Result
from edgeall.field.sources import STDIN, Found
from edgeall.files import refuse_overwrite, replacing
from edgeall.values import dataclass

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

SUFFIXES = (".csv", ".jsonl")

COLUMNS = (
    "path",
    "box",
    "decision",
    "label",
    "probability",
    "score",
    "threshold",
    "quality",
    "domain",
    "notes",
    "error",
    "model",
    "ms",
)
"""Columns of a CSV file. `box` is that of a cell in a whole field: left, top, right, bottom. `quality`, `domain` and
`notes` hold sentences, separated by "; "."""


@dataclass(frozen=True)
class _Header:
    """The first line of a journal: what the answers depend on beside the pictures."""

    edgeall: str
    artifact: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class _Line:
    """A further line: an answer, and the file's name, size in bytes and time of modification in nanoseconds."""

    file: str
    size: int
    mtime_ns: int
    answer: dict[str, Any]


class VerdictFile:
    """The file at `path`, while it is being made.

    Attributes:
        resumed: number of answers of an interrupted call that can be taken again.
        whole: whether the file is written.
    """

    def __init__(
        self, path: Path, journal: BinaryIO, finished: Mapping[str, _Line], kind: type[Result]
    ) -> None:
        self._path, self._journal, self._finished, self._kind = path, journal, finished, kind
        self._answers: list[dict[str, Any]] = []
        self.whole = False

    @property
    def resumed(self) -> int:
        return len(self._finished)

    def known(self, found: Found) -> Result | None:
        """The answer of an interrupted call on a file that is unchanged since; None where there is none."""
        line = self._finished.get(_reversible(found.path))
        if line is None or _identity(found.path) != (line.size, line.mtime_ns):
            return None
        try:
            return replace(self._kind.from_dict(line.answer | {"path": ""}), path=found.path)
        except documents.DocumentError:
            return None

    def add(self, result: Result | Failed, found: Found | None, *, known: bool = False) -> None:
        """Append an answer. Failures, and answers on standard input, are not taken again by a later call.

        Args:
            known: the answer is one that `known` gave.

        Raises:
            FileError: the journal cannot be written.
        """
        document = result.to_dict()
        self._answers.append(document)
        if known or found is None or found.path == STDIN or isinstance(result, Failed):
            return
        identity = _identity(found.path)
        if identity is not None:
            answer = {name: value for name, value in document.items() if name != "path"}
            line = {
                "file": _reversible(found.path),
                "size": identity[0],
                "mtime_ns": identity[1],
                "answer": answer,
            }
            _write_line(self._journal, line, self._path)

    def finish(self) -> None:
        """Write the file.

        Raises:
            FileError: it cannot be written; the journal stays.
        """
        with replacing(self._path) as part:
            _WRITERS[self._path.suffix.lower()](part, self._answers)
        self.whole = True


@contextmanager
def verdict_file(
    path: Path,
    artifact_sha256: str,
    settings: Mapping[str, Any],
    overwrite: bool = False,
    kind: type[Result] = Classified,
) -> Iterator[VerdictFile]:
    """The file at `path`; it is written when the block calls `finish`.

    Args:
        settings: JSON-ready; answers of an interrupted call are taken only if it had the same ones.
        overwrite: replace an existing file, and an unfinished one that cannot be gone on with.
        kind: of the answers.

    Raises:
        UsageError: another suffix than .csv or .jsonl; a folder; the file exists, or an unfinished one of another
            artifact, other settings or another version, and not `overwrite`; or another process is writing it.
        FileError: it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: name a {' or '.join(SUFFIXES)} file for the verdicts")
    if os.path.isdir(path):  # noqa: PTH112, as in `refuse_overwrite`
        raise UsageError(f"{path} is a folder: name a file for the verdicts")
    refuse_overwrite(path, overwrite)
    journal_path = _journal_of(path)
    header = _Header(__version__, artifact_sha256, dict(settings))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: a line is written in one piece or is an error, and nothing is left for closing.
        journal = journal_path.open("a+b", buffering=0)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from None
    with journal:
        _lock(journal, path)
        finished = _read_journal(journal, header, path, overwrite)
        if not finished:
            _write_line(journal, asdict(header), path)
        file = VerdictFile(path, journal, finished, kind)
        yield file
    if file.whole:
        journal_path.unlink(missing_ok=True)


def is_unfinished(path: Path) -> bool:
    """Whether an interrupted call has left answers for the file at `path`."""
    try:
        return _journal_of(path).read_bytes().count(b"\n") > 1
    except OSError:
        return False


def _journal_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def _lock(journal: BinaryIO, path: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{path} is being written by another process: give another name, or wait") from None
    except OSError:
        pass  # a file system without locks


def _read_journal(journal: BinaryIO, expected: _Header, path: Path, overwrite: bool) -> dict[str, _Line]:
    """The answers by file, of a journal that is cut off after its last sound line, or emptied where it has none.

    Raises:
        UsageError: it has answers of another artifact, other settings or another version, and not `overwrite`.
    """
    journal.seek(0)
    lines = journal.read().split(b"\n")
    finished: dict[str, _Line] = {}
    end = 0
    header = _read_line(_Header, lines[0])
    if header is not None and header != expected and len(lines) > 2 and not overwrite:
        raise UsageError(
            f"{path} is unfinished, by another artifact, other options or another version of edgeall: "
            "give another name, or --overwrite to begin anew"
        )
    if header == expected:
        end = len(lines[0]) + 1
        # What follows the last line end was cut off.
        for text in lines[1:-1]:
            line = _read_line(_Line, text)
            if line is None:
                break
            finished[line.file] = line
            end += len(text) + 1
    journal.truncate(end if finished else 0)
    return finished


def _read_line(kind: type[T], text: bytes) -> T | None:
    try:
        return documents.build(kind, documents.parse(text.decode()))
    except (ValueError, TypeError):
        return None


def _write_line(journal: BinaryIO, document: Mapping[str, Any], path: Path) -> None:
    line = (json.dumps(document, allow_nan=False) + "\n").encode()
    try:
        whole = journal.write(line) == len(line)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from None
    if not whole:
        raise FileError(path, "no space left")


def _reversible(path: str) -> str:
    """A path as text without lone surrogates, which names that are not UTF-8 have in Python."""
    return os.fsencode(path).decode("latin-1")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _write_jsonl(path: Path, answers: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for answer in answers:
            file.write(json.dumps(answer, allow_nan=False) + "\n")


def _write_csv(path: Path, answers: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row for answer in answers for row in _rows(answer))


def _rows(answer: dict[str, Any]) -> Iterator[list[Any]]:
    """A row for a picture, an error or each cell of a field. A field without cells has a row without a decision."""
    whole = answer | {"notes": "; ".join(answer.get("notes", ()))}
    for part in answer.get("cells", [{}]) or [{}]:
        values = whole | part
        reasons = {
            name: "; ".join((values.get(name) or {}).get("reasons", ())) for name in ("quality", "domain")
        }
        values |= reasons | {"box": " ".join(map(str, part.get("box", ())))}
        yield [STDIN if values.get(name) == STDIN else _cell(values.get(name)) for name in COLUMNS]


def _cell(value: Any) -> Any:
    """One line that is no formula: a name with a line end would begin a row of its own for programs that read lines."""
    return harmless(visible(value))


_WRITERS = {".csv": _write_csv, ".jsonl": _write_jsonl}
