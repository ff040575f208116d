"""A Dask scheduler and workers as processes of this machine, pictures for them, and rows beside a CSV file."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.dataset
from PIL import Image

from edgeall.csv_cells import harmless

SHOWN = "EDGEALL_BENCHMARK_MESSAGES"
"""Environment variable: show what the processes say."""

SIDE = 64
FOLDER = 1000
"""Pictures in a folder."""
UNREADABLE = 997
"""Every such picture is cut off in the middle, and is no picture."""


def draw(folder: Path, count: int) -> None:
    """Discs of `SIDE` pixels, half of them PNG and half JPEG, below `folder`; what is there stays."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    for number in range(count):
        cell = np.full((SIDE, SIDE, 3), rng.uniform(200, 240, 3))
        centre, radius = rng.uniform(0.35, 0.65, 2), rng.uniform(0.15, 0.35)
        cell[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2] = rng.uniform(60, 180, 3)
        cell += rng.normal(0, 6, (SIDE, SIDE, 1))
        path = folder / f"slide{number // FOLDER:04}" / f"cell{number:06}.{'jpg' if number % 2 else 'png'}"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cell.clip(0, 255).astype(np.uint8)).save(path)
        if number % UNREADABLE == UNREADABLE - 1:
            path.write_bytes(b"not a picture")


@contextmanager
def running(command: Sequence[str], affinity: set[int] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this environment's Python for the block, with what it has started."""

    def pin() -> None:
        if affinity:
            os.sched_setaffinity(0, affinity)

    with subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get(SHOWN) else subprocess.DEVNULL,
        preexec_fn=pin,
    ) as process:
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                for each in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
            process.kill()


@contextmanager
def scheduler(
    folder: Path, port: int = 0, affinity: set[int] | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler on the loopback address; yields its address and process."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    command = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-dashboard", "--scheduler-file", str(file)]
    with running(command, affinity) as process:
        while True:
            with suppress(OSError, ValueError):
                yield json.loads(file.read_text(encoding="utf-8"))["address"], process
                return
            time.sleep(0.1)


@contextmanager
def workers(
    address: str, count: int, folder: Path, affinity: set[int] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Worker processes of one thread each, which are started again when they end."""
    command = ["-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--nworkers", str(count)]
    command += ["--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(folder / "workers")]
    with running([*command, "--memory-limit", "0"], affinity) as process:
        yield process


def worker_processes(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that run tasks, without Dask's own beside them."""
    found = list[psutil.Process]()
    if process.poll() is not None:
        return found
    for each in psutil.Process(process.pid).children():
        with suppress(psutil.Error):
            if any("spawn_main" in word for word in each.cmdline()):
                found.append(each)
    return found


def edgeall(*arguments: str) -> list[str]:
    """The command, for `running`."""
    return ["-m", "edgeall", *arguments]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows of a Parquet set, as any reader of such sets gives them."""
    rows: list[dict[str, Any]] = pyarrow.dataset.dataset(folder).to_table().to_pylist()
    return rows


def differing(rows: Sequence[dict[str, Any]], verdicts: Path) -> int:
    """How many rows are not those of a CSV file, in its order, to the last bit of each probability."""
    with verdicts.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    if len(rows) != len(expected):
        return max(len(rows), len(expected))
    return sum(_cells(row) != _columns(line) for row, line in zip(rows, expected, strict=True))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = ["" if row[name] is None else repr(row[name]) for name in ("probability", "score")]
    text = [harmless(row[name] or "") for name in ("path", "decision", "label", "error")]
    return (*text, *numbers, "; ".join(row["reasons"]), "; ".join(row["notes"]))


def _columns(line: dict[str, str]) -> tuple[str, ...]:
    reasons = "; ".join(filter(None, (line["quality"], line["domain"])))
    names = ("path", "decision", "label", "error", "probability", "score")
    return (*(line[name] for name in names), reasons, line["notes"])
