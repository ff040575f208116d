"""Entries of a log, made without a model."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edgeall.logbook import Logbook, PictureEntry, Station, stamp

STATION = Station(
    *("model.tflite", "a" * 64, "tflite", "int8", "ai-edge-litert", "2.3.0"),
    {"edgeall": "0.1.0", "python": "3.11.7", "numpy": "2.4.0", "pillow": "12.0.0"},
    *("Linux x86_64", 1, False, False),
)
START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def answer(score: float = 0.25, **changes: Any) -> dict[str, Any]:
    """What `Classified.to_dict` gives, without "path"."""
    positive = score >= 0.5
    return {
        "label": "ALL" if positive else "healthy",
        "probability": score if positive else 1 - score,
        "score": score,
        "threshold": 0.5,
        "decision": "positive" if positive else "negative",
        "quality": {"ok": True, "reasons": []},
        "domain": None,
        "model": "model.tflite",
        "ms": 12.5,
        "notes": [],
    } | changes


def picture(number: int = 1, **changes: Any) -> PictureEntry:
    """The entry of picture `number`, decided `number` minutes after `START`."""
    values: dict[str, Any] = {
        "time": stamp(START + timedelta(minutes=number)),
        "source": "watch",
        "folder": "/scans",
        "path": f"slide/{number:03}.jpg",
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "size": 1000 + number,
        "mtime_ns": 1_700_000_000_000_000_000 + number,
        "station": STATION,
        "answer": answer(number / 100),
    }
    return PictureEntry(**(values | changes))


def log_of(path: Path, count: int) -> Logbook:
    """A new log with pictures 1 to `count`."""
    log = Logbook.open(path, create=True)
    log.append([picture(number) for number in range(1, count + 1)])
    return log


def other(station: Station = STATION, **changes: Any) -> Station:
    return dataclasses.replace(station, **changes)
