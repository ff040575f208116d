"""Model files, opened with care: what they hold is bounded, of known kinds, and inside the file itself."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.errors import ModelError

MAX_BYTES = 4 << 30
"""Of a file, of all its weights, of anything it unpacks to: ten times the largest network in use here."""

MAX_CONFIG = 64 << 20
_MAX_OBJECTS = 100_000
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}


@dataclass(frozen=True)
class Stored:
    """A model file that was looked through.

    Attributes:
        written_by: version of the Keras that wrote it, as it says itself.
        config: description of the model, as parsed from JSON.
        weights: open `h5py.File`, all of it plain numbers.
        by_class: weights lie under their layers' classes, as in `.keras`; otherwise under their names, as in `.h5`.
    """

    path: Path
    written_by: str
    config: dict[str, Any]
    weights: Any
    by_class: bool


@contextmanager
def opened(path: Path) -> Iterator[Stored]:
    """Open a `.keras` or `.h5` model file, recognised by its content.

    Raises:
        ModelError: missing, of another kind, damaged, without a model in it, too large, or with anything inside that
            a model file has no need of.
    """
    if not path.is_file():
        what = "a folder (a SavedModel?)" if path.is_dir() else "not there"
        raise ModelError(f"{path}: {what}; give a .keras or .h5 file, as model.save() writes it")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path}: larger than the {MAX_BYTES >> 30} GiB that edgeall takes over")
    with ExitStack() as stack:
        try:
            stored = _open(path, stack)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            # HDF5 and JSON say what they stumble over in all of these, RecursionError among them.
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(f"{path}: damaged, or not as Keras writes it ({reason[:160]})") from None
        yield stored


def _open(path: Path, stack: ExitStack) -> Stored:
    import h5py

    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if start == _HDF5:
        return _from_h5(path, stack.enter_context(h5py.File(path, "r")))
    if not start.startswith(b"PK"):
        raise ModelError(f"{path}: neither a .keras nor an .h5 file; save the model with model.save()")
    content, config, version = _from_zip(path)
    weights = stack.enter_context(h5py.File(io.BytesIO(content), "r"))
    _check_plain(path, weights)
    return Stored(path, version, config, weights, by_class=True)


def _from_h5(path: Path, stored: Any) -> Stored:
    if "model_config" not in stored.attrs:
        raise ModelError(
            f"{path}: holds weights without the model they belong to; save the whole model with model.save()"
        )
    _check_plain(path, stored)
    version = _text(stored.attrs.get("keras_version", "unknown"))
    if version.startswith("1."):
        raise ModelError(f"{path}: written by Keras {version}; load and save it with Keras 2 first")
    return Stored(path, version, _parse(path, _text(stored.attrs["model_config"])), stored, by_class=False)


def _from_zip(path: Path) -> tuple[bytes, dict[str, Any], str]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        strange = sorted(name for name in entries if name not in _MEMBERS)
        if strange or len(archive.infolist()) != len(entries):
            what = f"'{strange[0][:80]}'" if strange else "two of a name"
            raise ModelError(f"{path}: holds {what}, which has no place in a plain .keras file")
        if missing := sorted(_MEMBERS - set(entries)):
            raise ModelError(f"{path}: lacks {missing[0]}; save the model again with model.save()")
        limits = dict.fromkeys(_MEMBERS, MAX_CONFIG) | {"model.weights.h5": MAX_BYTES}
        for name, entry in entries.items():
            if entry.file_size > limits[name]:
                raise ModelError(f"{path}: {name} unpacks to {entry.file_size} bytes, too many for a model")
        version = str(json.loads(archive.read("metadata.json"))["keras_version"])
        return archive.read("model.weights.h5"), _parse(path, archive.read("config.json").decode()), version


def _parse(path: Path, text: str) -> dict[str, Any]:
    if len(text) > MAX_CONFIG:
        raise ModelError(f"{path}: its description has {len(text)} characters, too many for a model")
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ModelError(f"{path}: its description is no model's")
    return config


def _check_plain(path: Path, stored: Any) -> None:
    """Only numbers, and only in this file: HDF5 can also link to other files and claim any size."""
    import h5py

    total, seen = 0, 0
    groups = [stored]
    while groups:
        group = groups.pop()
        for name in group:
            seen += 1
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(f"{path}: '{name}' links elsewhere, which has no place in a model file")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
                raise ModelError(f"{path}: '{name}' lies outside of the file; save the model again")
            elif item.dtype.kind in "fiu":
                total += item.size * item.dtype.itemsize
            elif "optimizer" not in item.name:
                raise ModelError(f"{path}: '{item.name}' is no table of numbers; save the model again")
            if total > MAX_BYTES or seen > _MAX_OBJECTS:
                raise ModelError(f"{path}: claims more weights than any model that edgeall takes over")


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
