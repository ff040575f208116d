"""Files at their largest, made to take much memory: readers stay below what SECURITY.md promises."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign import MAX_MEMORY_MB

from edgeall import documents, predictions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

VALUES, BYTES = documents.MAX_VALUES, documents.MAX_BYTES
WIDE = "\U0001f52c".encode()
"""One such character makes each letter of its text take four bytes."""


def joined(first: bytes, item: Callable[[int], bytes], last: bytes, most: int, values: int) -> bytes:
    """As many items, each of two values at most, as a file may have."""
    parts, size = [first], len(first) + len(last)
    for index in range(values):
        part = item(index)
        if (size := size + len(part)) > most:
            break
        parts.append(part)
    return b"".join([*parts, last])


DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "one text": lambda: b'["' + WIDE + b"a" * (BYTES - 100) + b'"]',
    "many wide texts": lambda: joined(b"[0", lambda i: b',"%b%012d"' % (WIDE, i), b"]", BYTES, VALUES - 2),
    "lists": lambda: joined(b"[0", lambda i: b",[]", b"]", BYTES, VALUES // 2 - 2),
    "objects": lambda: joined(b"[0", lambda i: b',{"a":1}', b"]", BYTES, VALUES // 3 - 2),
    "keys": lambda: joined(b'{"a":0', lambda i: b',"%08d":1.5' % i, b"}", BYTES, VALUES // 2 - 2),
    "numbers": lambda: joined(b"[0", lambda i: b",1.5", b"]", BYTES, VALUES - 2),
}

HEAD = b"part,image,subject,label,p:a,p:b,threshold\n"
TABLES: dict[str, Callable[[int], bytes]] = {
    "short rows": lambda i: b"val,%d,%d,a,1,0,0\n" % (i, i),
    "wide rows": lambda i: b"val,%b%d,%b%d,a,1,0,0\n" % (WIDE, i, WIDE, i),
}

PEAK = """
status = open("/proc/self/status").read()
print(next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM")))
"""


def megabytes(program: str, path: Path) -> int:
    """Largest memory of a Python program on a file."""
    done = subprocess.run(
        [sys.executable, "-c", program + PEAK, path], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_at_its_limits(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(DOCUMENTS[kind]())
    # All that `report` and `compare` load, and a document that is read to its end.
    program = """
import sys
import edgeall.reporting, edgeall.comparing
from edgeall import results
from edgeall.errors import EdgeallError
try:
    results.load(sys.argv[1:])
except EdgeallError as error:
    assert "larger" not in str(error) and "more than" not in str(error), error
else:
    raise SystemExit("taken as results")
"""
    found = megabytes(program, path)
    print(f"{kind}: {found} MB")
    assert found < MAX_MEMORY_MB


@pytest.mark.parametrize("kind", TABLES)
def test_predictions_at_their_limit(kind: str, tmp_path: Path) -> None:
    path = tmp_path / predictions.FILE
    path.write_bytes(joined(HEAD, TABLES[kind], b"", predictions.MAX_BYTES, sys.maxsize))
    program = """
import sys
import edgeall.reporting, edgeall.comparing
from edgeall import predictions
assert len(predictions.read(sys.argv[1], ("a", "b"))["val"].images) > 500_000
"""
    found = megabytes(program, path)
    print(f"{kind}: {found} MB")
    assert found < MAX_MEMORY_MB
