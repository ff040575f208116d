"""`kit.json`: what a kit is, and for which Pythons."""

from dataclasses import dataclass

from edgeall.artifact import Format, Precision
from edgeall.station.verifying import SCHEMA


@dataclass(frozen=True)
class KitModel:
    """The artifact in a kit.

    Attributes:
        file: its place in the kit (OpenVINO: of the `.xml`).
        sha256: the artifact's identity, over payload and metadata.
    """

    file: str
    sha256: str
    format: Format
    precision: Precision


@dataclass(frozen=True)
class Environment:
    """What a device with a certain Python gets.

    Attributes:
        system: "Linux" or "Windows", as `platform.system` says it.
        machine: "x86_64" or "aarch64".
        python: "3.11".
        glibc: the oldest; empty on Windows.
        bytes: of everything when it is unpacked.
        wheels: places in the kit, in the order of their names.
    """

    system: str
    machine: str
    python: str
    glibc: str
    bytes: int
    wheels: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """The whole document. It has no date, so that equal kits are equal files.

    Attributes:
        name: of the kit.
        edgeall: the version that made it and that is in it.
        device: name of the profile.
        code: place of edgeall's own code in the kit, a ZIP file.
    """

    name: str
    edgeall: str
    device: str
    model: KitModel
    code: str
    environments: tuple[Environment, ...]
    schema: int = SCHEMA
