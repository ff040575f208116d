"""Device profiles: TOML files that tell how to reach a device and what to try there."""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall import shipped
from edgeall.artifact import FORMATS
from edgeall.errors import UsageError
from edgeall.measuring.plan import ALL_CORES, Settings
from edgeall.names import unknown_name

REACHES = ("local",)
"""Ways to reach a device that this edgeall knows."""

TEMPLATE = "template"
"""A file to copy from, not a device."""


@dataclass(frozen=True)
class Limits:
    """Where measuring on a device stops or is marked.

    Attributes:
        temperature_celsius: a measurement that starts hotter is marked; None for no such mark.
        pass_seconds: a worker process that takes longer is stopped.
        max_seconds: most time over all rounds for each latency of an artifact.
    """

    temperature_celsius: float | None = None
    pass_seconds: float = 1800.0
    max_seconds: float = 150.0


@dataclass(frozen=True)
class Profile:
    """A device as its file describes it.

    Attributes:
        name: the file's stem; what `--device` takes.
        reach: one of `REACHES`.
        formats: artifact formats, that is engines, to try there.
        threads: thread counts to try; `ALL_CORES` for all.
        notes: one line for people.
    """

    name: str
    reach: str
    formats: tuple[str, ...] = FORMATS
    threads: tuple[int, ...] = (1, ALL_CORES)
    limits: Limits = field(default_factory=Limits)
    notes: str = ""

    def settings(self, base: Settings) -> Settings:
        """`base` with this device's threads and limits."""
        return dataclasses.replace(
            base,
            threads=self.threads,
            max_seconds=self.limits.max_seconds,
            pass_seconds=self.limits.pass_seconds,
            max_temperature_c=self.limits.temperature_celsius,
        )


def load_profile(name_or_path: str) -> Profile:
    """The profile of a name, or of a path to a TOML file.

    Raises:
        UsageError: no such device (the nearest is named), or a mistake in its file (the key and what it may be).
    """
    return read_profile(shipped.find("devices", name_or_path))


def all_profiles() -> list[Profile]:
    """Every device that ships with edgeall or that the user has described, by name."""
    known = shipped.available("devices")
    return [read_profile(known[name]) for name in sorted(known) if name != TEMPLATE]


def read_profile(file: Path) -> Profile:
    """Read and check one file."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: not a device profile ({error})") from None
    try:
        return _profile(file.stem, document)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


def _profile(name: str, document: dict[str, Any]) -> Profile:
    _only_known(document, ("reach", "formats", "threads", "limits", "notes"))
    limits = document.get("limits", {})
    _require(isinstance(limits, dict), "limits", "a table")
    _only_known(limits, tuple(f.name for f in dataclasses.fields(Limits)), "limits.")
    for key, value in limits.items():
        _require(_positive_number(value), f"limits.{key}", "a number more than 0")
    _require("reach" in document, "reach", f"given: {_choices(REACHES)}")
    _require(document["reach"] in REACHES, "reach", f"one of {_choices(REACHES)}")
    formats = document.get("formats", list(FORMATS))
    _require(
        isinstance(formats, list) and bool(formats) and all(value in FORMATS for value in formats),
        "formats",
        f"a list of {_choices(FORMATS)}",
    )
    _require(isinstance(document.get("notes", ""), str), "notes", "text")
    return Profile(
        name=name,
        reach=document["reach"],
        formats=tuple(formats),
        threads=parse_threads(document.get("threads", [1, "all"])),
        limits=Limits(**{key: float(value) for key, value in limits.items()}),
        notes=document.get("notes", ""),
    )


def parse_threads(values: Any) -> tuple[int, ...]:
    """Thread counts from a list of whole numbers, or their digits, and "all".

    Raises:
        UsageError: anything else.
    """
    counts = []
    for value in values if isinstance(values, list) else [values]:
        if value == "all":
            counts.append(ALL_CORES)
        elif str(value).isdecimal() and 1 <= int(value) <= 1024:
            counts.append(int(value))
        else:
            raise UsageError(f"threads must be whole numbers from 1 to 1024, or 'all', not {value!r}")
    if not counts:
        raise UsageError("threads must name at least one count")
    return tuple(dict.fromkeys(counts))


def _only_known(document: dict[str, Any], known: tuple[str, ...], prefix: str = "") -> None:
    for key in document:
        if key not in known:
            raise unknown_name("key", prefix + key, [prefix + name for name in known])


def _require(holds: bool, key: str, wanted: str) -> None:
    if not holds:
        raise UsageError(f"{key} must be {wanted}")


def _choices(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _positive_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
