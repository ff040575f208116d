"""Opens untrusted model files: checks sizes, entry kinds, and that all data lies inside the file."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import files
from edgeall.errors import ModelError, UsageError
from edgeall.importing import foreign

MAX_BYTES = 4 << 30
"""Limit of a file, of its weights, and of each unpacked entry: ten times the largest supported network."""

MAX_CONFIG = 64 << 20
_MAX_OBJECTS = 100_000
_HDF5 = b"\x89HDF\r\n\x1a\n"
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Names of the group of layers in weights files of different Keras versions."""

BFLOAT16 = np.dtype("V2")
"""How Keras stores bfloat16, which HDF5 lacks: two bytes a number, the upper half of a float32."""

_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}


@dataclass(frozen=True)
class Stored:
    """A checked model file.

    Attributes:
        written_by: version of the Keras that wrote it, according to the file.
        config: description of the model, parsed from JSON.
        weights: open `h5py.File` that holds plain numbers only.
        by_class: True where weights are filed by layer class (`.keras`, `.weights.h5`), False where by layer name
            (`.h5`).
    """

    path: Path
    written_by: str
    config: dict[str, Any]
    weights: Any
    by_class: bool


DAMAGED = (
    *(OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What HDF5, JSON and ZIP report damaged content with; RecursionError is a RuntimeError."""


@contextmanager
def opened(path: Path, weights: Path | None = None) -> Iterator[Stored]:
    """Open a model file, recognised by its content: `.keras`, `.h5`, or a JSON description with its `weights`.

    Raises:
        ModelError: missing, of another kind, damaged, without a model in it, too large, or with content that does not
            belong in a model file.
        UsageError: a description without weights, or weights for a file that has its own.
    """
    for file in (path, weights):
        if file is None:
            continue
        if not file.exists():
            raise ModelError(f"{file}: not there; give a .keras or .h5 file, as model.save() writes it")
        if file.is_file() and file.stat().st_size > MAX_BYTES:
            raise ModelError(f"{file}: larger than the {MAX_BYTES >> 30} GiB that edgeall imports")
    with ExitStack() as stack:
        try:
            stored = _open(path, weights, stack)
        except DAMAGED as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(f"{path}: damaged, or not as Keras writes it ({reason[:160]})") from None
        yield stored


def _open(path: Path, weights: Path | None, stack: ExitStack) -> Stored:
    import h5py

    if path.is_dir():
        raise ModelError(f"{path}: {foreign.described(path)}")
    with path.open("rb") as file:
        start = file.read(64)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _from_json(path, weights, stack)
    if weights is not None:
        raise UsageError(
            f"--weights-file {weights}: belongs to a model's description in JSON, and {path} has its own weights; "
            "leave it out"
        )
    if start.startswith(_HDF5):
        return _from_h5(path, stack.enter_context(h5py.File(path, "r")))
    if (reason := foreign.described(path)) is not None:
        raise ModelError(f"{path}: {reason}")
    if not start.startswith(b"PK"):
        raise ModelError(f"{path}: neither a .keras nor an .h5 file; save the model with model.save()")
    content, config, version = _from_zip(path)
    stored = stack.enter_context(h5py.File(io.BytesIO(content), "r"))
    _check_plain(path, stored)
    return Stored(path, version, config, stored, by_class=True)


def _from_json(path: Path, weights: Path | None, stack: ExitStack) -> Stored:
    """A description from `model.to_json()` and weights from `model.save_weights()`, of Keras 2 or 3."""
    import h5py

    if path.stat().st_size > MAX_CONFIG:
        raise ModelError(f"{path}: its description is larger than any model's")
    config = _parse(path, path.read_text(encoding="utf-8-sig"))
    if "modelTopology" in config:
        raise ModelError(f"{path}: a TensorFlow.js model; give the Keras model that it was made from")
    if "weight_map" in config:
        raise ModelError(
            f"{path}: a list of files with a model's weights; save the whole model with model.save('model.keras')"
        )
    if "class_name" not in config or not isinstance(config.get("config"), dict | list):
        raise ModelError(f"{path}: no model's description as model.to_json() gives it")
    if weights is None:
        raise UsageError(
            f"{path}: describes a model without its weights; give the file that model.save_weights() wrote with "
            "--weights-file FILE"
        )
    if weights.is_dir() or not h5py.is_hdf5(weights):
        raise ModelError(
            f"{weights}: no weights in HDF5; write them with model.save_weights('model.weights.h5')"
        )
    stored = stack.enter_context(h5py.File(weights, "r"))
    _check_plain(weights, stored)
    # Keras 3 writes no version. Keras 2 writes modules as well from 2.13 on, but always with a version.
    default = "3" if "module" in config else "unknown"
    version = _text(config.get("keras_version") or stored.attrs.get("keras_version") or default)
    by_class = any(container in stored for container in CONTAINERS)
    return Stored(weights, version, config, stored, by_class)


def _from_h5(path: Path, stored: Any) -> Stored:
    if "model_config" not in stored.attrs:
        raise ModelError(
            f"{path}: holds weights without the model they belong to; save the whole model with model.save(), or give "
            "the model's model.to_json() in a file and these weights with --weights-file"
        )
    _check_plain(path, stored)
    version = _text(stored.attrs.get("keras_version", "unknown"))
    if version.startswith("1."):
        raise ModelError(f"{path}: written by Keras {version}; load and save it with Keras 2 first")
    return Stored(path, version, _parse(path, _text(stored.attrs["model_config"])), stored, by_class=False)


def _from_zip(path: Path) -> tuple[bytes, dict[str, Any], str]:
    with files.opened_zip(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        strange = sorted(name for name in entries if name not in _MEMBERS)
        if strange or len(archive.infolist()) != len(entries):
            what = f"'{strange[0][:80]}'" if strange else "two entries of one name"
            raise ModelError(f"{path}: holds {what}, which does not belong in a plain .keras file")
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
        raise ModelError(f"{path}: its description is not a model's")
    return config


def _check_plain(path: Path, stored: Any) -> None:
    """Only numbers inside this file are allowed. HDF5 can also link to other files and claim any size."""
    import h5py

    total, objects = 0, 0
    groups = [stored]
    while groups:
        group = groups.pop()
        for name in group:
            objects += 1
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(f"{path}: '{name}' links elsewhere, which does not belong in a model file")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
                raise ModelError(f"{path}: '{name}' lies outside of the file; save the model again")
            elif item.dtype.kind in "fiu" or item.dtype == BFLOAT16:
                total += item.size * item.dtype.itemsize
            elif "optimizer" not in item.name:
                raise ModelError(f"{path}: '{item.name}' is not an array of numbers; save the model again")
            if total > MAX_BYTES or objects > _MAX_OBJECTS:
                raise ModelError(f"{path}: claims more weights than edgeall imports")


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
