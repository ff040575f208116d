"""Whether a kit is whole, and whose it is.

`SHA256SUMS` lists every file but itself and the signature. The signature lists every file but itself. Together they
show each changed, added or missing file; of a .zip every changed byte, of a .tar.zst every one of the tar in it. With
no key that was got in another way than the kit, this shows damage, and not deceit: whoever can change a kit can
also write new sums, and sign with a key of their own.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import p256
from .errors import KitError
from .reading import files_of
from .signatures import MOST_BYTES, SIGNATURE, SIGNER, Verifies, fingerprint, signed_digests

SUMS, MANIFEST = "SHA256SUMS", "kit.json"
SCHEMA = 1
"""The highest schema of `kit.json` that these programs read."""

_KEPT = (SUMS, MANIFEST, SIGNATURE, SIGNER)
"""Files that are read into memory."""

_MOST_OF_KEY = 10_000
"""Bytes of a public key's file that are read."""

_SHOWN = 3

_GLIBC = re.compile(r"([0-9]{1,2}\.[0-9]{1,3})?")
"""A version of the C library, or nothing."""

_MOST_UNPACKED = 1 << 40
"""Bytes that a manifest may say."""


@dataclass(frozen=True)
class Kit:
    """A kit that was found to be whole.

    Attributes:
        digests: SHA-256 of each of its files, by name.
        manifest: the content of `kit.json`.
        signer: the key that it is signed by; None for a kit without a signature.
        trusted: whether that is the key that was asked for.
    """

    digests: dict[str, str]
    manifest: dict[str, Any]
    signer: p256.Point | None
    trusted: bool

    @property
    def id(self) -> str:
        """A name for a folder: the kit's own name, and the beginning of the digest of all its files' digests."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.digests.items()))
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", str(self.manifest["name"]))[:60].strip("-")
        return f"{name}-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"

    @property
    def signed_by(self) -> str | None:
        """The key's fingerprint."""
        return None if self.signer is None else fingerprint(self.signer)


Store = Callable[[str, int], Callable[[bytes], Any]]
"""Takes a file's name and size; returns what takes its bytes."""


def read_key(path: Path) -> p256.Point:
    """The public key in a file.

    Raises:
        KitError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_OF_KEY)
    except OSError as error:
        why = error.strerror or error
        raise KitError(f"{path}: cannot be read ({why}); edgeall keys make writes a pair of keys") from None
    if b"PRIVATE KEY" in content:
        raise KitError(f"{path}: a private key; verify with the public one, the file that ends with .pub")
    try:
        return p256.public_key(content)
    except ValueError as error:
        raise KitError(f"{path}: {error}; edgeall keys make writes a pair of keys") from None


def verify(
    kit: Path,
    key: p256.Point | None = None,
    *,
    verifies: Verifies = p256.verifies,
    store: Store | None = None,
) -> Kit:
    """Check a kit, in its archive or unpacked.

    Args:
        key: it must be signed by this one; None to accept a kit by anyone.
        store: also gets each file's bytes. They are not to be used before this function has returned.

    Raises:
        KitError: it cannot be read (status 2); it is damaged, or not signed by `key` (status 1).
    """
    digests: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    with files_of(kit) as files:
        for name, size, content in files:
            digest, parts = hashlib.sha256(), []
            if name in _KEPT and size > MOST_BYTES:
                raise KitError(f"{name} is larger than any kit's", 1)
            write = store(name, size) if store else None
            for chunk in content:
                digest.update(chunk)
                if name in _KEPT:
                    parts.append(chunk)
                if write:
                    write(chunk)
            digests[name] = digest.hexdigest()
            if name in _KEPT:
                kept[name] = b"".join(parts)
    try:
        return _judged(digests, kept, key, verifies)
    except KitError as error:
        raise KitError(f"{kit}: {error}", error.status) from None


class _NotWritten(Exception):
    """An error of the disk that is written to, while a kit is read, whose reader would take it for its own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _NotWritten(error) from None


def copy_verified(
    kit: Path, into: Path, key: p256.Point | None = None, *, verifies: Verifies = p256.verifies
) -> Kit:
    """Verify a kit, and copy its files to the new folder `into`, from one reading. Arguments and errors: see `verify`.

    After an error, what was copied is not to be used.
    """
    opened: list[Any] = []

    def store(name: str, size: int) -> Callable[[bytes], Any]:
        place = into / name
        with _writing():
            place.parent.mkdir(parents=True, exist_ok=True)
            for file in opened:
                file.close()
            opened[:] = [place.open("wb")]
        return write

    def write(content: bytes) -> None:
        with _writing():
            opened[0].write(content)

    into.mkdir()
    try:
        return verify(kit, key, verifies=verifies, store=store)
    except _NotWritten as failed:
        raise failed.error from None
    finally:
        for file in opened:
            file.close()


def _judged(
    digests: dict[str, str], kept: dict[str, bytes], key: p256.Point | None, verifies: Verifies
) -> Kit:
    if SUMS not in kept or MANIFEST not in kept:
        raise KitError(f"not a kit: {SUMS if SUMS not in kept else MANIFEST} is missing in it")
    listed = _sums(kept[SUMS])
    _compare({name: digests[name] for name in digests if name not in (SUMS, SIGNATURE)}, listed, SUMS)
    signer = None
    if SIGNATURE in kept:
        if SIGNER not in kept:
            raise KitError(f"{SIGNER} is missing, the key that its signature is by", 1)
        try:
            signer = p256.public_key(kept[SIGNER])
        except ValueError as error:
            raise KitError(f"{SIGNER}: {error}", 1) from None
        if key is not None and key != signer:
            raise KitError(
                f"signed by another key ({fingerprint(signer)[:16]}…) than the one to verify with "
                f"({fingerprint(key)[:16]}…); do not use it, and ask who made it",
                1,
            )
        signed = signed_digests(kept[SIGNATURE], signer, verifies)
        _compare({name: digests[name] for name in digests if name != SIGNATURE}, signed, SIGNATURE)
    elif SIGNER in kept:
        raise KitError(f"{SIGNATURE} is missing: its signature was removed", 1)
    elif key is not None:
        raise KitError("not signed; ask for a kit that is (edgeall bundle --key KEY)", 1)
    manifest = read_manifest(kept[MANIFEST])
    wheels = (name for each in manifest["environments"] for name in each["wheels"])
    absent = [name for name in (manifest["code"], manifest["model"]["file"], *wheels) if name not in digests]
    if absent:
        raise KitError(f"{MANIFEST} names {_few(absent)}, which the kit does not have", 1)
    return Kit(digests, manifest, signer, key is not None)


def _compare(found: dict[str, str], listed: dict[str, str], by: str) -> None:
    groups = {
        "changed": [name for name in listed if name in found and found[name] != listed[name]],
        "missing": [name for name in listed if name not in found],
        "added": [name for name in found if name not in listed],
    }
    if any(groups.values()):
        raise KitError(
            f"not as {by} says: {'; '.join(f'{kind} {_few(names)}' for kind, names in groups.items() if names)}",
            1,
        )


def _few(names: list[str]) -> str:
    shown = ", ".join(ascii(name)[1:-1] for name in sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def sums(digests: dict[str, str]) -> bytes:
    """The content of `SHA256SUMS`, in the notation of `sha256sum`."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def _sums(content: bytes) -> dict[str, str]:
    """Accepts what `sums` writes, to the byte."""
    listed = {}
    for line in content.split(b"\n"):
        if found := re.fullmatch(rb"([0-9a-f]{64})  (.+)", line):
            listed[found[2].decode("utf-8", "replace")] = found[1].decode()
    if sums(listed) != content:
        raise KitError(f"{SUMS} is damaged", 1)
    return listed


def read_manifest(content: bytes) -> dict[str, Any]:
    """The content of `kit.json`, with what these programs use checked.

    Raises:
        KitError: it is damaged, or of a later schema.
    """
    try:
        document = json.loads(content)
        schema = document["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise KitError(
                f"{MANIFEST} has schema {schema}, and this program reads up to {SCHEMA}: "
                "use the newer kit's own program"
            )
        sound = (
            schema == SCHEMA
            and all(isinstance(document[key], str) for key in ("name", "edgeall", "device", "code"))
            and isinstance(document["model"]["file"], str)
            and all(
                isinstance(each[key], str)
                for each in document["environments"]
                for key in ("system", "machine", "python", "glibc")
            )
            and all(_GLIBC.fullmatch(each["glibc"]) for each in document["environments"])
            and all(isinstance(name, str) for each in document["environments"] for name in each["wheels"])
            and all(
                isinstance(each["bytes"], int) and 0 <= each["bytes"] <= _MOST_UNPACKED
                for each in document["environments"]
            )
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise KitError(f"{MANIFEST} is damaged, or of another program", 1)
    return dict(document)
