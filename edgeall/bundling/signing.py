"""Kits are written, signed and verified as archives. Equal contents, and an equal key, give an equal file."""

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgeall import files
from edgeall.bundling import keys
from edgeall.bundling.keys import Key
from edgeall.errors import UnsoundKitError, UsageError
from edgeall.files import AnyPath
from edgeall.station import p256, signatures, verifying
from edgeall.station.archives import tar_pieces, zip_pieces
from edgeall.station.errors import KitError
from edgeall.station.signatures import SIGNATURE, SIGNER
from edgeall.station.verifying import SUMS, Kit

SUFFIXES = (".zip", ".tar.zst")
_LEVEL = 10
"""Of Zstandard. Wheels are compressed already: level 19 takes ten times as long for 1 % less."""

Contents = Mapping[str, Path | bytes]
"""The files of a kit by name, forward slashes between folders."""


def suffix_of(out: Path) -> str:
    """The archive's kind. Raises `UsageError` for another one."""
    for suffix in SUFFIXES:
        if out.name.endswith(suffix) and out.name != suffix:
            return suffix
    raise UsageError(f"{out}: a kit's file ends with {' or '.join(SUFFIXES)}")


def write_kit(out: Path, name: str, contents: Contents, key: Key | None) -> Kit:
    """Write a kit's archive, whole or not at all, with its sums and, with `key`, its signature; verifies what it wrote.

    Raises:
        FileError: it cannot be written.
    """
    sealed = _sealed(name, contents, key)
    listed = [(each, *_size_and_checksum(sealed[each]), _chunks(sealed[each])) for each in sorted(sealed)]
    with files.replacing(out) as part, _as_edgeall_error():
        with part.open("wb") as file:
            if suffix_of(out) == ".zip":
                file.writelines(zip_pieces(listed))
            else:
                _compress(tar_pieces(name, listed), file.write)
        return verifying.verify(part, None if key is None else key.public, verifies=keys.verifies)


def sign_kit(kit: AnyPath, key: Key, *, overwrite: bool = False) -> Kit:
    """Sign a kit's archive, in its place.

    Raises:
        UsageError: it is no kit's archive, or is signed already and not `overwrite`.
        UnsoundKitError: it is damaged.
        FileError: it cannot be written.
    """
    kit = Path(kit)
    suffix_of(kit)
    with tempfile.TemporaryDirectory(prefix="edgeall-kit-") as scratch, _as_edgeall_error():
        place = Path(scratch) / "kit"
        found = verifying.copy_verified(kit, place, verifies=keys.verifies)
        if found.signer is not None and not overwrite:
            raise UsageError(
                f"{kit}: signed already, by {str(found.signed_by)[:16]}…; --overwrite to sign it anew"
            )
        contents = {name: place / name for name in found.digests if name not in (SUMS, SIGNATURE, SIGNER)}
        return write_kit(kit, str(found.manifest["name"]), contents, key)


def verify_kit(kit: AnyPath, key: p256.Point | None = None) -> Kit:
    """Check a kit, as an archive or unpacked; see `edgeall.station.verifying.verify`.

    Raises:
        UsageError: it cannot be read.
        UnsoundKitError: it is damaged, or not signed by `key`.
    """
    with _as_edgeall_error():
        return verifying.verify(Path(kit), key, verifies=keys.verifies)


def _sealed(name: str, contents: Contents, key: Key | None) -> dict[str, Path | bytes]:
    sealed = dict(contents)
    if key is not None:
        sealed[SIGNER] = p256.pem(key.public)
    digests = {each: _digest(content) for each, content in sealed.items()}
    sealed[SUMS] = verifying.sums(digests)
    if key is not None:
        digests[SUMS] = _digest(sealed[SUMS])
        payload = signatures.statement(name, digests)
        sealed[SIGNATURE] = signatures.bundle(key.public, payload, key.sign(signatures.enveloped(payload)))
    return sealed


def _compress(pieces: Iterable[bytes], write: Callable[[bytes], object]) -> None:
    import zstandard

    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
    for piece in pieces:
        write(compressor.compress(piece))
    write(compressor.flush())


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _size_and_checksum(content: Path | bytes) -> tuple[int, int]:
    size = checksum = 0
    for chunk in _chunks(content):
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
    return size, checksum


def _digest(content: Path | bytes) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _as_edgeall_error() -> Iterator[None]:
    try:
        yield
    except KitError as error:
        raise (UnsoundKitError if error.status == 1 else UsageError)(str(error)) from None
