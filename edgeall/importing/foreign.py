"""Files that are not Keras models: how each kind is recognised, why it is refused, and what to do instead."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeall import files

_HEAD = 1024
_SAVE = "save the Keras model itself with model.save('model.keras') and import that"
_OWN_FORMATS = "give the Keras model that it was made from: edgeall export makes this format itself"
_TORCH = "edgeall imports Keras models: build the same network in Keras, copy the weights into it and save it"
_SUFFIXES_OF_CHECKPOINTS = (".ckpt", ".index", ".meta")
_TORCH_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
"""Pickle of the magic number 0x1950a86a20f9469cfc6c, by which torch.save() began its files before PyTorch 1.6."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        matches: whether a file is of the kind, from its first bytes, its entries if it is a ZIP, and its path.
        reason: what the file is and why it is refused.
        remedy: what the user can do instead.
    """

    matches: Callable[[bytes, tuple[str, ...], Path], bool]
    reason: str
    remedy: str


KINDS: tuple[Kind, ...] = (
    Kind(
        lambda _, __, path: (path / "saved_model.pb").is_file(),
        "a SavedModel, which holds TensorFlow's operations and not Keras' layers",
        f"load it with Keras 2 (keras.models.load_model) and {_SAVE}",
    ),
    Kind(
        lambda _, __, path: (path / "checkpoint").is_file(),
        "a TensorFlow checkpoint: weights without the model they belong to",
        f"load the weights into the model and {_SAVE}",
    ),
    Kind(lambda _, __, path: path.is_dir(), "a folder (a SavedModel?)", "give a .keras or .h5 file"),
    Kind(lambda head, _, __: head[4:8] == b"TFL3", "a TFLite model", _OWN_FORMATS),
    Kind(lambda head, _, path: _is_onnx(head, path), "an ONNX model", _OWN_FORMATS),
    Kind(lambda head, _, __: b"<net " in head, "OpenVINO's intermediate representation", _OWN_FORMATS),
    Kind(
        lambda head, names, _: head.startswith(_TORCH_LEGACY) or any(n.endswith("/data.pkl") for n in names),
        "a PyTorch file, whose pickle is code and is never run",
        _TORCH,
    ),
    Kind(
        lambda head, _, __: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 1,
        "a Python pickle, which is code and is never run",
        _SAVE,
    ),
    Kind(
        lambda head, _, __: head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32,
        "a safetensors file: weights without the model they belong to",
        "load the weights into the Keras model and save the whole with model.save('model.keras')",
    ),
    Kind(
        lambda _, names, __: bool(names) and all(name.endswith(".npy") for name in names),
        "a NumPy archive: weights without the model they belong to",
        f"load the weights into the model and {_SAVE}",
    ),
    Kind(
        lambda _, __, path: path.suffix == ".pb",
        "a TensorFlow graph, which holds operations and not Keras' layers",
        _SAVE,
    ),
    Kind(
        lambda _, __, path: path.suffix in _SUFFIXES_OF_CHECKPOINTS or ".data-0" in path.name,
        "part of a TensorFlow checkpoint: weights without the model they belong to",
        f"load the weights into the model and {_SAVE}",
    ),
    Kind(
        lambda _, __, path: path.suffix in (".pt", ".pth"), "named like a PyTorch file, and damaged", _TORCH
    ),
)
"""The first that matches is reported. Kinds recognised by content come before kinds recognised by name."""


def described(path: Path) -> str | None:
    """Why the file or folder at `path` is refused, and the remedy; None where it is of none of the kinds."""
    head = b""
    names: tuple[str, ...] = ()
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD)
        names = _names(path) if head.startswith(b"PK") else ()
    kind = next((kind for kind in KINDS if kind.matches(head, names, path)), None)
    return None if kind is None else f"{kind.reason}; {kind.remedy}"


def _names(path: Path) -> tuple[str, ...]:
    try:
        with files.opened_zip(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ()


def _is_onnx(head: bytes, path: Path) -> bool:
    """By name, or as serialised: field 1 (ir_version) of a ModelProto, then one of its fields 2 to 8."""
    tags = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)
    return path.suffix == ".onnx" or (
        head[:1] == b"\x08" and len(head) > 2 and head[1] < 32 and head[2] in tags
    )
