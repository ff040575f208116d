"""Verifies ECDSA signatures on the curve P-256 with SHA-256, in Python alone.

For devices that have nothing but Python's standard library. It verifies and never signs: it handles no secret, so that
the time it takes tells nothing. One verification takes about 10 ms on a workstation.

Formulas: FIPS 186-5, section 6.4.2 (verification), and SP 800-186, section 3.2.1.3 (the curve's numbers). Points are
added and doubled in Jacobian coordinates (Cohen, Miyaji, Ono 1998). Encodings: RFC 5480 (public key), RFC 3279, section
2.2.3 (signature), both in DER.
"""

import base64
import binascii
import hashlib

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)

_BEFORE_POINT = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04")
"""A SubjectPublicKeyInfo of P-256 up to the two coordinates of an uncompressed point."""

_PEM = ("-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n")


def public_key(pem: bytes) -> Point:
    """The point of a public key's file.

    Raises:
        ValueError: it is no PEM file of a public key on P-256, as `openssl ec -pubout` writes it.
    """
    try:
        text = pem.decode("ascii").replace("\r\n", "\n")
        if not (text.startswith(_PEM[0]) and text.endswith(_PEM[1])):
            raise ValueError
        der = base64.b64decode("".join(text[len(_PEM[0]) : -len(_PEM[1])].split("\n")), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not the PEM file of a public key") from None
    if len(der) != len(_BEFORE_POINT) + 64 or not der.startswith(_BEFORE_POINT):
        raise ValueError("not a public key on the curve P-256")
    x, y = (int.from_bytes(der[start : start + 32], "big") for start in (-64, -32 + len(der)))
    if x >= P or y >= P or (y * y - (x * x * x - 3 * x + B)) % P:
        raise ValueError("not a point of the curve P-256")
    return x, y


def pem(key: Point) -> bytes:
    """The file of a public key: one form for each key."""
    der = _BEFORE_POINT + b"".join(part.to_bytes(32, "big") for part in key)
    text = base64.b64encode(der).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"{_PEM[0]}{lines}{_PEM[1]}".encode("ascii")


def verifies(key: Point, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (DER) is one of `message` by the private key that belongs to `key`."""
    try:
        r, s = _numbers(signature)
    except ValueError:
        return False
    if not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, N)
    point = _sum_of_products(digest * inverse % N, r * inverse % N, key)
    if point[2] == 0:
        return False
    return point[0] * pow(point[2], -2, P) % P % N == r


def _numbers(der: bytes) -> tuple[int, int]:
    """The two integers of a signature, in the one encoding that DER allows."""
    if len(der) < 2 or der[0] != 0x30 or der[1] != len(der) - 2 or der[1] > 127:
        raise ValueError
    rest, numbers = der[2:], []
    for _ in range(2):
        if len(rest) < 3 or rest[0] != 0x02 or not 0 < rest[1] <= min(33, len(rest) - 2):
            raise ValueError
        digits, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if digits[0] & 0x80 or (len(digits) > 1 and digits[0] == 0 and not digits[1] & 0x80):
            raise ValueError
        numbers.append(int.from_bytes(digits, "big"))
    if rest:
        raise ValueError
    return numbers[0], numbers[1]


def _sum_of_products(first: int, second: int, key: Point) -> _Jacobian:
    """first * G + second * key, both at once (Shamir's trick)."""
    base, other = (*G, 1), (*key, 1)
    steps = {(1, 0): base, (0, 1): other, (1, 1): _add(base, other)}
    result = _INFINITY
    for bit in range(255, -1, -1):
        result = _double(result)
        if step := steps.get((first >> bit & 1, second >> bit & 1)):
            result = _add(result, step)
    return result


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    square = y * y % P
    s = 4 * x * square % P
    m = 3 * (x - z * z) * (x + z * z) % P
    x2 = (m * m - 2 * s) % P
    return x2, (m * (s - x2) - 8 * square * square) % P, 2 * y * z % P


def _add(one: _Jacobian, other: _Jacobian) -> _Jacobian:
    if one[2] == 0:
        return other
    if other[2] == 0:
        return one
    (x1, y1, z1), (x2, y2, z2) = one, other
    square1, square2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * square2 % P, x2 * square1 % P
    s1, s2 = y1 * square2 * z2 % P, y2 * square1 * z1 % P
    h, r = (u2 - u1) % P, (s2 - s1) % P
    if h == 0:
        return _double(one) if r == 0 else _INFINITY
    h2 = h * h % P
    h3, v = h2 * h % P, u1 * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return x3, (r * (v - x3) - s1 * h3) % P, h * z1 * z2 % P
