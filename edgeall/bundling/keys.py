"""Signing keys: bare keys on the curve P-256, in PEM files that OpenSSL and model_signing read too."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgeall import files
from edgeall.errors import FileError, UsageError
from edgeall.files import AnyPath
from edgeall.station import p256
from edgeall.station.errors import KitError
from edgeall.station.signatures import fingerprint
from edgeall.station.verifying import read_key

PRIVATE, PUBLIC = ".key", ".pub"
MAX_BYTES = 1 << 16
"""Largest file that is read as a key. One of P-256 has about 250 bytes."""

_ALGORITHM = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
"""RFC 6979, so that a kit of the same contents is the same file."""


@dataclass(frozen=True)
class Key:
    """A private key in memory. Its `repr` tells its fingerprint alone."""

    _private: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> p256.Point:
        numbers = self._private.public_key().public_numbers()
        return numbers.x, numbers.y

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)

    def sign(self, message: bytes) -> bytes:
        """The signature in DER; always the same for the same message."""
        return self._private.sign(message, _ALGORITHM)

    def __repr__(self) -> str:
        return f"Key({self.fingerprint[:16]}…)"


def make_key(
    name: AnyPath, passphrase: str | None = None, *, overwrite: bool = False
) -> tuple[Path, Path, Key]:
    """Make a pair of keys: `name.key`, which its owner alone may read, and `name.pub`, which devices get.

    Raises:
        UsageError: one of the files exists and not `overwrite`, or the passphrase is empty.
        FileError: they cannot be written.
    """
    name = Path(name)
    private, public = (name.with_name(f"{name.name}{suffix}") for suffix in (PRIVATE, PUBLIC))
    for path in (private, public):
        files.refuse_overwrite(path, overwrite)
    if passphrase == "":
        raise UsageError("the passphrase is empty; leave it out for a key without one")
    key = ec.generate_private_key(ec.SECP256R1())
    how = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    made = Key(key)
    with files.replacing(public) as part:
        part.write_bytes(p256.pem(made.public))
        # What a kill leaves between the two is a private key alone, and never a pair that does not belong together.
        _write_private(private, pem, before_move=lambda: public.unlink(missing_ok=True))
    return private, public, made


def load_key(path: AnyPath, passphrase: str | None = None) -> Key:
    """The private key in a file.

    Raises:
        UsageError: it is missing, is no private key on P-256, others may read it, or the passphrase is missing or
            wrong.
    """
    path = Path(path)
    try:
        content = files.read_at_most(path, MAX_BYTES)
        others = path.stat().st_mode & 0o077 if os.name == "posix" else 0
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({why}); edgeall keys make writes a pair of keys") from None
    if b"PRIVATE KEY" not in content:
        raise UsageError(f"{path}: no private key; sign with the file that ends with {PRIVATE}")
    if others:
        raise UsageError(f"{path}: others can read this private key: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(content, None if passphrase is None else passphrase.encode())
    except TypeError:
        if passphrase is not None:
            return load_key(path)
        raise UsageError(
            f"{path}: it has a passphrase; give it in EDGEALL_KEY_PASSPHRASE, or at a terminal"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        what = "damaged" if passphrase is None else "damaged, or its passphrase is another one"
        raise UsageError(f"{path}: the key cannot be read: {what}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(f"{path}: not a key on the curve P-256; edgeall keys make writes one")
    return Key(key)


def load_public_key(path: AnyPath) -> p256.Point:
    """The public key in a file.

    Raises:
        UsageError: it is missing, or none on P-256.
    """
    try:
        return read_key(Path(path))
    except KitError as error:
        raise UsageError(str(error)) from None


def verifies(key: p256.Point, message: bytes, signature: bytes) -> bool:
    """As `edgeall.station.p256.verifies`, by OpenSSL."""
    try:
        ec.EllipticCurvePublicNumbers(*key, ec.SECP256R1()).public_key().verify(
            signature, message, _ALGORITHM
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _write_private(path: Path, content: bytes, before_move: Callable[[], None]) -> None:
    """Whole or not at all, with mode 0600 from the beginning."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".key.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        before_move()
        Path(part).replace(path)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from None
    finally:
        if part is not None:
            # A failing disk that keeps it must not hide why it failed.
            with suppress(OSError):
                Path(part).unlink(missing_ok=True)
