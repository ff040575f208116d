"""Bytes of a file with something wrong, drawn from a seed."""

import random
from collections.abc import Sequence

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF, 0x8000, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000)
HEAD = 96
"""Bytes at the beginning that hold a header's numbers."""


def changed_bytes(rng: random.Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """`content` with one kind of damage; never as it was."""
    while True:
        made = _WAYS[rng.choice(list(_WAYS))](rng, content, others)
        if made != content:
            return made


def _flipped(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _overwritten(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    data, at = bytearray(content), rng.randrange(len(content))
    piece = rng.randbytes(rng.randint(1, 64))
    data[at : at + len(piece)] = piece
    return bytes(data)


def _cut(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    return content[: rng.randrange(len(content))]


def _spliced(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """The beginning of one and the end of another."""
    other = rng.choice(others or (content,))
    return content[: rng.randrange(len(content))] + other[rng.randrange(max(1, len(other))) :]


def _header(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """A number of the header at an edge of its range, in either byte order."""
    data, wide = bytearray(content), rng.choice((1, 2, 4))
    at = rng.randrange(min(HEAD, len(data)))
    number = rng.choice(EXTREMES) & (256**wide - 1)
    data[at : at + wide] = number.to_bytes(wide, rng.choice(("little", "big")))
    return bytes(data)


def _without(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.randint(1, 64) :]


def _twice(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(content))
    piece = content[at : at + rng.randint(1, 512)]
    return content[:at] + piece + content[at:]


_WAYS = {
    "flipped": _flipped,
    "overwritten": _overwritten,
    "cut": _cut,
    "spliced": _spliced,
    "header": _header,
    "without": _without,
    "twice": _twice,
}
