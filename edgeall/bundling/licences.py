"""Licences of the software in a kit, from its wheels."""

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

import edgeall
from edgeall.station.unpacking import UnpackingError, checked_name
from edgeall.targets.wheels import Wheel, wheel_metadata

_TEXT = re.compile(r"(?i)(licen[cs]e|copying|notice|authors|copyright)")
_LARGEST = 5_000_000
"""Bytes of one licence text; OpenVINO's longest has 400 kB."""


@dataclass(frozen=True)
class Distribution:
    """What a wheel says of itself.

    Attributes:
        licence: as the wheel declares it, in words or an SPDX expression; "" where it declares none.
        texts: licence texts in the wheel by file name.
    """

    name: str
    version: str
    licence: str
    texts: dict[str, bytes]


def described(wheel: Wheel) -> Distribution:
    """Name, version and licences of a wheel."""
    about = wheel_metadata(wheel.path)
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in about.get_all("Classifier") or ()
        if text.startswith("License ::") and text.count("::") > 1
    ]
    words = (
        about["License-Expression"]
        or (about["License"] or "").strip().partition("\n")[0]
        or ", ".join(classifiers)
    )
    return Distribution(about["Name"], about["Version"], words[:200], _texts(wheel.path))


def _texts(wheel: Path) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            parts = PurePosixPath(member.filename).parts
            if (
                member.is_dir()
                or not parts
                or not parts[0].endswith(".dist-info")
                or member.file_size > _LARGEST
            ):
                continue
            inside = parts[2:] if len(parts) > 2 and parts[1] == "licenses" else parts[1:]
            if not (len(parts) > 2 and parts[1] == "licenses") and not _TEXT.match(parts[-1]):
                continue
            try:
                name = str(checked_name("/".join(inside)))
            except UnpackingError:
                continue
            found[name] = archive.read(member)
    return found


def licence_files(wheels: Iterable[Wheel], own: str, model: str) -> dict[str, bytes]:
    """Files for the folder `licences/` of a kit: the texts, and a list of what is under which licence.

    Args:
        own: edgeall's version.
        model: the licence of the model's weights, in words.
    """
    files = {f"edgeall-{own}/LICENSE": own_licence()}
    lines = [f"edgeall {own}: Apache-2.0 (edgeall-{own}/LICENSE)", f"the model: {model or 'not known'}"]
    seen = set()
    for wheel in wheels:
        found = described(wheel)
        folder = re.sub(r"[^A-Za-z0-9._+-]", "_", f"{found.name}-{found.version}")
        if folder in seen:
            continue
        seen.add(folder)
        files |= {f"{folder}/{name}": text for name, text in found.texts.items()}
        texts = f"{folder}/" if found.texts else "its wheel has no text of it"
        if not found.texts and "apache" in found.licence.casefold():
            texts = f"edgeall-{own}/LICENSE has the text, which its wheel lacks"
        lines.append(f"{found.name} {found.version}: {found.licence or 'not declared'} ({texts})")
    files["LIST.txt"] = "".join(f"{line}\n" for line in lines).encode()
    return files


def own_licence() -> bytes:
    """edgeall's own licence: beside the package in a checkout, else in what was installed."""
    beside = Path(edgeall.__file__).resolve().parent.parent / "LICENSE"
    if beside.is_file():
        return beside.read_bytes()
    listed = metadata.distribution("edgeall").files or ()
    return next(Path(str(file.locate())) for file in listed if file.name == "LICENSE").read_bytes()
