"""What the run folder beside a result says: the run itself, its epochs, and the sensitivity of its layers to INT8.

A part that is missing or damaged is the reason in words; nothing here raises for what a folder holds.
"""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar, get_args

from edgeall import runs
from edgeall.errors import EdgeallError
from edgeall.files import AnyPath
from edgeall.runs import Run

MAX_BYTES = 4 << 20
"""Largest table that is read. Of a DenseNet201 the sensitivity of layers takes 20 kB, 1,000 epochs take 150 kB."""

T = TypeVar("T")


@dataclass(frozen=True)
class Gap:
    """Why something is not there: a clause without a full stop."""

    why: str


@dataclass(frozen=True)
class EpochRow:
    """A row of `history.csv`; None where a phase has no such figure, as training figures before its first epoch."""

    phase: str
    epoch: int
    loss: float | None
    val_loss: float | None
    val_auc: float | None
    accuracy: float | None
    val_accuracy: float | None


@dataclass(frozen=True)
class LayerRow:
    """A row of the layers' sensitivity: signal-to-quantization-noise ratios in dB, in the order of the network.

    Attributes:
        weights_db: with its weights quantized; None for a layer without.
        own_db: with weights and output quantized, its input in float.
        total_db: with all layers up to it quantized.
    """

    layer: str
    kind: str
    weights_db: float | None
    own_db: float
    total_db: float


@dataclass(frozen=True)
class RunFolder:
    """A run as a report needs it. `name` is the folder's; a part that cannot be had is a `Gap`."""

    name: str
    run: Run | Gap
    history: tuple[EpochRow, ...] | Gap
    layers: tuple[LayerRow, ...] | Gap


def beside(result_file: AnyPath) -> RunFolder:
    """The run of a result at `<run>/bench/<device>.json`."""
    folder = Path(result_file).resolve().parent.parent
    if Path(result_file).resolve().parent.name != "bench":
        gap = Gap(f"{Path(result_file).name} does not lie in the bench/ folder of a run")
        return RunFolder(Path(result_file).stem, gap, gap, gap)
    return read_folder(folder)


def read_folder(path: AnyPath) -> RunFolder:
    """The run in a folder."""
    folder = Path(path)
    run = _run(folder)
    layers = folder / "exports" / f"{folder.name}_int8-sensitivity.csv"
    absent = f"it was not measured; measure it with: edgeall export {folder.name} --sensitivity"
    return RunFolder(
        folder.name,
        run,
        _table(folder / "history.csv", EpochRow, "the run has no history.csv"),
        _table(layers, LayerRow, absent),
    )


def _run(folder: Path) -> Run | Gap:
    try:
        return runs.load(folder)
    except EdgeallError as error:
        return Gap(str(error).removeprefix(f"{folder}: ").removeprefix(f"{folder}/"))


def _table(path: Path, kind: type[T], absent: str) -> tuple[T, ...] | Gap:
    """Rows of a CSV file by the columns of `kind`; further columns are ignored."""
    try:
        if not path.is_file():
            return Gap(absent)
        if path.stat().st_size > MAX_BYTES:
            return Gap(f"{path.name} is larger than {MAX_BYTES >> 20} MiB")
        lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), strict=True)
        rows = tuple(_row(kind, line) for line in lines)
        return rows or Gap(f"{path.name} has no rows")
    except (OSError, ValueError, csv.Error) as error:
        return Gap(f"{path.name} is damaged ({error})")


def _row(kind: type[T], line: dict[str, str | None]) -> T:
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        text = line.get(field.name)
        if text is None:
            raise ValueError(f"a row without {field.name}")
        optional = type(None) in get_args(field.type)
        values[field.name] = None if optional and not text else _READ.get(field.type, _finite)(text)
    return kind(**values)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


_READ: dict[object, Callable[[str], object]] = {str: str, int: int}
