"""The hash chain of a log, over commitments to its entries in place of the entries themselves.

Each hash covers the one before it, so that an entry cannot be changed, left out or moved without changing all hashes
after it (Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics", 1999). What is chained is not the
content but a salted hash of it, as SD-JWT has it (RFC 9901, section 4.2.4.1: salt of at least 128 random bits). Where
content and salt are removed, the commitment stays, and the chain still holds. Without the salt nobody can try whether
the content was a certain name, however few names there are.
"""

import hashlib
import secrets

SALT_BYTES = 32
ID_BYTES = 16


def new_salt() -> bytes:
    """Random, for one entry."""
    return secrets.token_bytes(SALT_BYTES)


def first(log_id: bytes) -> bytes:
    """What the first entry is chained to: no entry of another log fits."""
    return hashlib.sha256(b"edgeall log\x00" + log_id).digest()


def commitment(salt: bytes, body: str) -> bytes:
    """32 bytes that bind to the content of an entry, and tell nothing of it without the salt."""
    return hashlib.sha256(b"\x00" + salt + body.encode()).digest()


def link(before: bytes, seq: int, kind: str, committed: bytes) -> bytes:
    """The hash of the chain at an entry.

    The first byte differs from that of a commitment, as in RFC 6962, so that neither can be taken for the other.
    """
    return hashlib.sha256(
        b"\x01" + before + seq.to_bytes(8, "big") + kind.encode() + b"\x00" + committed
    ).digest()


def fingerprint(key: bytes, *parts: str | int) -> bytes:
    """16 bytes by which a picture that has left the log is known again, if it comes again.

    Args:
        key: of the log; fingerprints of two logs cannot be compared.
    """
    text = "\x00".join(map(str, parts))
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).digest()
