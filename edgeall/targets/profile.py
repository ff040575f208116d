"""Device profiles: TOML files that tell how to reach a device and what to try there."""

import dataclasses
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall import config_files
from edgeall.artifact import FORMATS
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.measuring.plan import ALL_CORES, LARGEST_BATCH, BenchSettings
from edgeall.runtimes.accelerator import Accelerator
from edgeall.targets import entries
from edgeall.targets.address import Address

REACHES = ("local", "ssh", "emulator")
"""Ways to reach a device that this edgeall knows."""

PACKAGES = ("pushed", "own")
"""Where a board's Python gets the engines from: wheels that are pushed, or what is installed there."""

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
class Board:
    """How a device far away is reached and made ready.

    Attributes:
        addresses: where it may be; the first that answers is taken.
        python: its Python 3.11 or newer, by name or path.
        folder: where all that is pushed goes; `~` is the home folder there.
        packages: one of `PACKAGES`.
        versions: distribution name to version, for wheels that are pushed.
        ssh_config: in place of the user's own configuration of ssh.
    """

    addresses: tuple[Address, ...] = ()
    python: str = "python3"
    folder: str = "~/.cache/edgeall"
    packages: str = "pushed"
    versions: dict[str, str] = field(default_factory=dict)
    ssh_config: Path | None = None


PROCESSORS = {"cortex-a72": 0x410FD083, "cortex-a76": 0x414FD0B1}
"""Processors that an emulated board may have, and what their main ID register (MIDR_EL1) holds under QEMU."""

SYSTEMS = ("bookworm", "trixie")
"""Releases of Debian that an emulated board may run."""


@dataclass(frozen=True)
class Emulated:
    """A board that is emulated on this machine.

    Attributes:
        cpu: one of `PROCESSORS`, by QEMU's name.
        system: one of `SYSTEMS`.
        model: what the board calls itself; says that it is emulated.
    """

    cpu: str
    system: str = SYSTEMS[0]
    model: str = "a board emulated by QEMU"


@dataclass(frozen=True)
class Profile:
    """A device as its file describes it.

    Attributes:
        name: the file's stem; what `--device` takes.
        reach: one of `REACHES`.
        formats: artifact formats, that is engines, to try there.
        threads: thread counts to try; `ALL_CORES` for all.
        batches: images in one inference to try; 1 is always measured.
        accelerators: format to where its artifacts are computed; empty for the processor.
        notes: one line for people.
        models: how the name of such a machine's model may begin; empty for any.
        finds: names of devices; the one whose `models` fits what answers is meant.
        board: of a device that is not this machine.
        emulated: of one that is emulated here.
    """

    name: str
    reach: str
    formats: tuple[str, ...] = FORMATS
    threads: tuple[int, ...] = (1, ALL_CORES)
    batches: tuple[int, ...] = (1,)
    accelerators: dict[str, Accelerator] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    notes: str = ""
    models: tuple[str, ...] = ()
    finds: tuple[str, ...] = ()
    board: Board | None = None
    emulated: Emulated | None = None

    def at(self, address: Address) -> "Profile":
        """This device where `address` says. Its results are kept apart from those of other boards of its kind.

        Raises:
            UsageError: it is this machine.
        """
        if self.board is None or self.emulated is not None:
            raise UsageError(
                f"device {self.name} is this machine; --host is for devices reached over ssh, as rpi is"
            )
        first = self.board.addresses[0] if self.board.addresses else Address("localhost")
        address = Address(address.host, address.user or first.user, address.port)
        return dataclasses.replace(
            self,
            name=f"{self.name}-{address.slug}",
            board=dataclasses.replace(self.board, addresses=(address,)),
        )

    def settings(self, base: BenchSettings) -> BenchSettings:
        """`base` with this device's threads and limits; of an emulated one, just enough to see that it works."""
        if self.emulated is not None:
            base = EMULATED
        return dataclasses.replace(
            base,
            threads=self.threads,
            batches=self.batches,
            accelerators=self.accelerators,
            max_seconds=self.limits.max_seconds,
            pass_seconds=self.limits.pass_seconds,
            max_temperature_c=self.limits.temperature_celsius,
        )


def load_profile(name_or_path: AnyPath) -> Profile:
    """The profile of a name, or of a path to a TOML file.

    Raises:
        UsageError: no such device (the nearest is named), or a mistake in its file (the key and what it may be).
    """
    return read_profile(config_files.find("devices", os.fspath(name_or_path)))


def all_profiles() -> list[Profile]:
    """Every device that ships with edgeall or that the user has described, by name."""
    known = config_files.available("devices")
    return [read_profile(known[name]) for name in sorted(known) if name != TEMPLATE]


def read_profile(file: AnyPath) -> Profile:
    """Read and check one file."""
    file = Path(file)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: not a device profile ({error})") from None
    try:
        return _profile(file, document)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


_EVERY_KEY = ("reach", "formats", "threads", "batches", "accelerators", "limits", "notes", "models", "finds")
_BOARD_KEYS = ("host", "user", "port", "python", "folder", "packages", "versions", "ssh_config")
_KEYS_OF = {"local": (), "ssh": _BOARD_KEYS, "emulator": ("versions", "cpu", "system", "model")}

EMULATED = BenchSettings(
    rounds=1, warmup_seconds=0, min_runs=1, min_seconds=0, max_seconds=1, count_instructions=True
)
"""For emulated boards, whose times are no latency: one run shows that one works."""


def _profile(file: Path, document: dict[str, Any]) -> Profile:
    entries.require("reach" in document, "reach", f"given: {entries.choices(REACHES)}")
    entries.require(document["reach"] in REACHES, "reach", f"one of {entries.choices(REACHES)}")
    entries.only_known(document, _EVERY_KEY + _KEYS_OF[document["reach"]])
    limits = entries.table(document, "limits")
    entries.only_known(limits, tuple(f.name for f in dataclasses.fields(Limits)), "limits.")
    for key, value in limits.items():
        entries.require(entries.positive_number(value), f"limits.{key}", "a number more than 0")
    accelerators = _accelerators(document)
    formats = document.get("formats", list(accelerators or FORMATS))
    entries.require(
        isinstance(formats, list) and bool(formats) and all(value in FORMATS for value in formats),
        "formats",
        f"a list of {entries.choices(FORMATS)}",
    )
    for format in formats if accelerators else ():
        # On the processor it would be measured under the accelerator's name.
        entries.require(
            format in accelerators, f"accelerators.{format}", "given, or the format left out of formats"
        )
    return Profile(
        name=file.stem,
        reach=document["reach"],
        formats=tuple(formats),
        threads=parse_threads(document.get("threads", [1, "all"])),
        batches=parse_batches(document.get("batches", [1])),
        accelerators={format: accelerators[format] for format in formats if accelerators},
        limits=Limits(**{key: float(value) for key, value in limits.items()}),
        notes=entries.text(document, "notes", ""),
        models=entries.texts(document, "models"),
        finds=entries.texts(document, "finds"),
        board=_board(file, document) if document["reach"] != "local" else None,
        emulated=_emulated(document) if document["reach"] == "emulator" else None,
    )


def _emulated(document: dict[str, Any]) -> Emulated:
    cpu = entries.text(document, "cpu", "")
    entries.require(cpu in PROCESSORS, "cpu", f"one of {entries.choices(tuple(PROCESSORS))}")
    system = entries.text(document, "system", SYSTEMS[0])
    entries.require(system in SYSTEMS, "system", f"one of {entries.choices(SYSTEMS)}")
    return Emulated(cpu, system, entries.text(document, "model", Emulated.model))


def _board(file: Path, document: dict[str, Any]) -> Board:
    versions = entries.table(document, "versions")
    for name, version in versions.items():
        entries.require(
            isinstance(version, str) and bool(re.fullmatch(r"[0-9][0-9A-Za-z.+!-]*", version)),
            f"versions.{name}",
            'a version, as "2025.4.1"',
        )
        entries.require(
            bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)), f"versions.{name}", "of a distribution"
        )
    packages = document.get("packages", "pushed")
    entries.require(packages in PACKAGES, "packages", f"one of {entries.choices(PACKAGES)}")
    port = document.get("port")
    entries.require(
        port is None or (isinstance(port, int) and not isinstance(port, bool)), "port", "a whole number"
    )
    user = entries.text(document, "user", "") or None
    parsed = [Address.parse(text) for text in entries.texts(document, "host")]
    config = entries.text(document, "ssh_config", "")
    return Board(
        addresses=tuple(Address(a.host, a.user or user, a.port or port) for a in parsed),
        python=entries.text(document, "python", "python3"),
        folder=entries.text(document, "folder", "~/.cache/edgeall"),
        packages=packages,
        versions=versions,
        ssh_config=(file.parent / Path(config).expanduser()).absolute() if config else None,
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


def parse_batches(values: Any) -> tuple[int, ...]:
    """Batch sizes from a list of whole numbers, or their digits.

    Raises:
        UsageError: anything else.
    """
    listed = values if isinstance(values, list) else [values]
    for value in listed:
        if not (str(value).isdecimal() and 1 <= int(value) <= LARGEST_BATCH):
            raise UsageError(f"batches must be whole numbers from 1 to {LARGEST_BATCH}, not {value!r}")
    return tuple(dict.fromkeys(map(int, listed)))


def _accelerators(document: dict[str, Any]) -> dict[str, Accelerator]:
    """From a table of format to provider, or to {provider, device}."""
    found = {}
    table = entries.table(document, "accelerators")
    entries.only_known(table, FORMATS, "accelerators.")
    for format, told in table.items():
        entry: Any = {"provider": told} if isinstance(told, str) else told
        key = f"accelerators.{format}"
        entries.require(
            isinstance(entry, dict), key, 'a provider, as "CUDAExecutionProvider", or {provider, device}'
        )
        entries.only_known(entry, ("provider", "device"), f"{key}.")
        entries.require(bool(entries.text(entry, "provider", "")), f"{key}.provider", "text")
        device = entry.get("device", 0)
        entries.require(
            isinstance(device, int) and not isinstance(device, bool) and device >= 0,
            f"{key}.device",
            "0 or more",
        )
        found[format] = Accelerator(str(entry["provider"]), device)
    return found
