"""Device profiles: TOML files that tell how to reach a device and what to try there."""

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta

from edgeall import config_files, documents
from edgeall.artifact import FORMATS, PRECISIONS, Format
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.measuring.plan import ALL_CORES, LARGEST_BATCH, BenchSettings
from edgeall.runtimes.accelerator import Accelerator
from edgeall.targets.address import Address
from edgeall.targets.connection import OLDEST_PYTHON
from edgeall.targets.wheels import System as KitSystem

Reach = Literal["local", "ssh", "emulator", "kit"]
"""How a device is reached; "kit": not at all, a kit is carried to it."""
REACHES: tuple[Reach, ...] = get_args(Reach)

Packages = Literal["pushed", "own"]
"""Where a board's Python gets the engines from: wheels that are pushed, or what is installed there."""

Cpu = Literal["cortex-a72", "cortex-a76"]
PROCESSORS: dict[Cpu, int] = {"cortex-a72": 0x410FD083, "cortex-a76": 0x414FD0B1}
"""Processors that an emulated board may have, and their main ID register (MIDR_EL1) under QEMU."""

System = Literal["bookworm", "trixie"]
"""Releases of Debian that an emulated board may run."""

Text = Annotated[str, Meta(min_length=1)]
Positive = Annotated[float, Meta(gt=0)]

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

    temperature_celsius: Positive | None = None
    pass_seconds: Positive = 1800.0
    max_seconds: Positive = 150.0


@dataclass(frozen=True)
class Board:
    """How a device far away is reached and made ready.

    Attributes:
        addresses: where it may be; the first that answers is taken.
        python: its Python 3.11 or newer, by name or path.
        folder: where all that is pushed goes; `~` is the home folder there.
        versions: distribution name to version, for wheels that are pushed.
        ssh_config: in place of the user's own configuration of ssh.
    """

    addresses: tuple[Address, ...] = ()
    python: str = "python3"
    folder: str = "~/.cache/edgeall"
    packages: Packages = "pushed"
    versions: dict[str, str] = field(default_factory=dict)
    ssh_config: Path | None = None


@dataclass(frozen=True)
class Emulated:
    """A board that is emulated on this machine.

    Attributes:
        cpu: by QEMU's name.
        model: the board's own name for its model; says that it is emulated.
    """

    cpu: Cpu
    system: System = "bookworm"
    model: str = "a board emulated by QEMU"


KitMachine = Literal["x86_64", "aarch64"]


@dataclass(frozen=True)
class KitPlace:
    """What kits for a device are made for.

    Attributes:
        machine: its processor.
        system: its operating system.
        glibc: the oldest GNU C library that it may have, as "2.36"; not used for Windows.
        pythons: versions of CPython, as "3.11", that it may have; empty for that of this workstation.
        refused: why an artifact of a "format precision" ("openvino int8") does not run there.
    """

    machine: KitMachine = "x86_64"
    system: KitSystem = "Linux"
    glibc: str = "2.28"
    pythons: tuple[str, ...] = ()
    refused: dict[str, Text] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,3}", self.glibc):
            raise ValueError('kit.glibc must be a version, as "2.36"')
        for python in self.pythons:
            parsed_python(python)
        known = {f"{format} {precision}" for format in FORMATS for precision in PRECISIONS}
        for key in self.refused:
            if key not in known:
                raise ValueError(f"kit.refused names {key!r}, which is none of {', '.join(sorted(known))}")


def parsed_python(version: str) -> tuple[int, int]:
    """The (major, minor) of "3.11".

    Raises:
        ValueError: it is no version of Python that edgeall runs on.
    """
    found = re.fullmatch(r"3\.([0-9]{2})", version)
    if found is None or int(found[1]) < OLDEST_PYTHON[1]:
        raise ValueError(
            f'{version!r} is no version of Python from {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}, as "3.11"'
        )
    return 3, int(found[1])


@dataclass(frozen=True)
class Profile:
    """A device as its file describes it.

    Attributes:
        name: the file's stem; what `--device` takes.
        formats: artifact formats, that is engines, to try there.
        threads: thread counts to try; `ALL_CORES` for all.
        batches: images in one inference to try; 1 is always measured.
        accelerators: format to where its artifacts are computed; empty for the processor.
        notes: one line for people.
        models: how the name of such a machine's model may begin; empty for any.
        finds: names of devices; the one whose `models` fits what answers is meant.
        board: of a device that is not this machine.
        emulated: of one that is emulated here.
        kit: what kits for it are made for; None where no kit can be.
    """

    name: str
    reach: Reach
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
    kit: KitPlace | None = None

    def at(self, address: Address) -> "Profile":
        """This device where `address` says. Its results are kept apart from those of other boards of its kind.

        Raises:
            UsageError: it is not reached over ssh.
        """
        if self.board is None or self.emulated is not None:
            what = "reached by kits alone" if self.reach == "kit" else "this machine"
            raise UsageError(
                f"device {self.name} is {what}; --host is for devices reached over ssh, as rpi is"
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
        document = documents.load(file)
    except documents.DocumentError as error:
        raise UsageError(f"{file}: not a device profile ({error})") from None
    try:
        return _profile(file, document)
    except (documents.DocumentError, UsageError) as error:
        raise UsageError(f"{file}: {error}") from None


EMULATED = BenchSettings(
    rounds=1, warmup_seconds=0, min_runs=1, min_seconds=0, max_seconds=1, count_instructions=True
)
"""For emulated boards, whose times are no latency: one run shows that one works."""


@dataclass(frozen=True)
class _ProfileFile:
    """A device's file, as it is written; this is all of this machine's."""

    reach: Reach
    formats: Annotated[tuple[Format, ...], Meta(min_length=1)] | None = None
    threads: int | str | tuple[int | str, ...] = (1, "all")
    batches: int | str | tuple[int | str, ...] = (1,)
    accelerators: dict[Format, Text | Accelerator] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    notes: str = ""
    models: Text | tuple[Text, ...] = ()
    finds: Text | tuple[Text, ...] = ()
    kit: KitPlace | None = None

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if isinstance(value, str) and not value.isprintable():
                raise ValueError(f"{key} must be printable text")


@dataclass(frozen=True)
class _SshFile(_ProfileFile):
    host: Text | tuple[Text, ...] = ()
    user: Text | None = None
    port: int | None = None
    python: Text = "python3"
    folder: Text = "~/.cache/edgeall"
    packages: Packages = "pushed"
    versions: dict[str, str] = field(default_factory=dict)
    ssh_config: Text | None = None

    def board(self, beside: Path) -> Board:
        """`beside`: folder of the file."""
        parsed = [Address.parse(text) for text in _listed(self.host)]
        try:
            config = self.ssh_config and (beside / Path(self.ssh_config).expanduser()).absolute()
        except RuntimeError as error:
            raise documents.DocumentError(f"{self.ssh_config}: {error}", "ssh_config") from None
        return Board(
            tuple(Address(a.host, a.user or self.user, a.port or self.port) for a in parsed),
            *(self.python, self.folder, self.packages, _checked_versions(self.versions), config or None),
        )


@dataclass(frozen=True, kw_only=True)
class _EmulatorFile(_ProfileFile):
    cpu: Cpu
    system: System = "bookworm"
    model: Text = Emulated.model
    versions: dict[str, str] = field(default_factory=dict)

    def board(self, beside: Path) -> Board:
        return Board(versions=_checked_versions(self.versions))


@dataclass(frozen=True, kw_only=True)
class _KitFile(_ProfileFile):
    kit: KitPlace


_FILES: dict[str, type[_ProfileFile]] = {
    "local": _ProfileFile,
    "ssh": _SshFile,
    "emulator": _EmulatorFile,
    "kit": _KitFile,
}


def _profile(file: Path, document: dict[str, Any]) -> Profile:
    reach = document.get("reach")
    if not isinstance(reach, str) or reach not in _FILES:
        raise UsageError(f"reach must be one of {', '.join(_FILES)}")
    given = documents.build(_FILES[reach], document, strict=True)
    accelerators = {format: _accelerator(format, place) for format, place in given.accelerators.items()}
    formats = given.formats or tuple(accelerators) or FORMATS
    for format in formats if accelerators else ():
        # On the processor it would be measured under the accelerator's name.
        if format not in accelerators:
            raise UsageError(f"accelerators.{format} must be given, or the format left out of formats")
    return Profile(
        name=file.stem,
        reach=given.reach,
        formats=formats,
        threads=parse_threads(given.threads),
        batches=parse_batches(given.batches),
        accelerators={format: accelerators[format] for format in formats if accelerators},
        limits=given.limits,
        notes=given.notes,
        models=_listed(given.models),
        finds=_listed(given.finds),
        board=given.board(file.parent) if isinstance(given, _SshFile | _EmulatorFile) else None,
        emulated=Emulated(given.cpu, given.system, given.model) if isinstance(given, _EmulatorFile) else None,
        kit=given.kit,
    )


def _accelerator(format: str, given: str | Accelerator) -> Accelerator:
    place = Accelerator(given) if isinstance(given, str) else given
    if not place.provider or not place.provider.isprintable() or place.device < 0:
        raise UsageError(
            f'accelerators.{format} must be a provider, as "CUDAExecutionProvider", and a device from 0'
        )
    return place


def _checked_versions(versions: dict[str, str]) -> dict[str, str]:
    for name, version in versions.items():
        if not re.fullmatch(r"[0-9][0-9A-Za-z.+!-]*", version):
            raise UsageError(f'versions.{name} must be a version, as "2025.4.1"')
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UsageError(f"versions.{name} must be of a distribution")
    return versions


def _listed(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given


_MOST_DIGITS = 9
"""Of a number that a person writes; Python refuses to read some thousands."""


def parse_threads(values: Any) -> tuple[int, ...]:
    """Thread counts from a list of whole numbers, or their digits, and "all".

    Raises:
        UsageError: anything else.
    """
    counts = []
    for value in values if isinstance(values, list | tuple) else [values]:
        if value == "all":
            counts.append(ALL_CORES)
        elif str(value).isdecimal() and len(str(value)) <= _MOST_DIGITS and 1 <= int(value) <= 1024:
            counts.append(int(value))
        else:
            raise UsageError(
                f"threads must be whole numbers from 1 to 1024, or 'all', not {str(value)[:20]!r}"
            )
    if not counts:
        raise UsageError("threads must name at least one count")
    return tuple(dict.fromkeys(counts))


def parse_batches(values: Any) -> tuple[int, ...]:
    """Batch sizes from a list of whole numbers, or their digits.

    Raises:
        UsageError: anything else.
    """
    listed = values if isinstance(values, list | tuple) else [values]
    for value in listed:
        whole = str(value).isdecimal() and len(str(value)) <= _MOST_DIGITS
        if not (whole and 1 <= int(value) <= LARGEST_BATCH):
            raise UsageError(
                f"batches must be whole numbers from 1 to {LARGEST_BATCH}, not {str(value)[:20]!r}"
            )
    return tuple(dict.fromkeys(map(int, listed)))
