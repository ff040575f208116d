"""The verifier in Python alone agrees with OpenSSL about every signature, sound or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography", reason="OpenSSL is the judge")

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from edgeall.bundling import keys
from edgeall.station import p256

PRIVATE = ec.derive_private_key(0x1234567890ABCDEF1234567890ABCDEF, ec.SECP256R1())
KEY = (PRIVATE.public_key().public_numbers().x, PRIVATE.public_key().public_numbers().y)
MESSAGE = b"a kit"
SIGNATURE = PRIVATE.sign(MESSAGE, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


@given(message=st.binary(max_size=200), secret=st.integers(1, p256.N - 1))
def test_what_openssl_signs_is_verified(message: bytes, secret: int) -> None:
    private = ec.derive_private_key(secret, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    signature = private.sign(message, ec.ECDSA(hashes.SHA256()))
    assert p256.verifies((numbers.x, numbers.y), message, signature)
    assert not p256.verifies((numbers.x, numbers.y), message + b"x", signature)
    assert not p256.verifies(KEY, message, signature) or secret == 0x1234567890ABCDEF1234567890ABCDEF


@given(bit=st.integers(0, 8 * len(SIGNATURE) - 1))
def test_a_changed_bit_is_judged_as_openssl_judges_it(bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert not p256.verifies(KEY, MESSAGE, bytes(changed))
    assert not keys.verifies(KEY, MESSAGE, bytes(changed))


R, S = utils.decode_dss_signature(SIGNATURE)


@pytest.mark.parametrize(
    ("r", "s"),
    [
        (0, S),
        (R, 0),
        (p256.N, S),
        (R, p256.N),
        (R + p256.N, S),
        (R, S + p256.N),
        (0, 0),
        (1, 1),
        (S, R),
        (R, p256.N - S),
    ],
)
def test_numbers_at_the_limits_are_judged_as_openssl_judges_them(r: int, s: int) -> None:
    signature = utils.encode_dss_signature(r, s)
    assert p256.verifies(KEY, MESSAGE, signature) == keys.verifies(KEY, MESSAGE, signature)


def test_only_the_one_encoding_is_taken() -> None:
    assert p256.verifies(KEY, MESSAGE, SIGNATURE)
    body = SIGNATURE[2:]
    for wrong in (
        b"",
        SIGNATURE[:-1],
        SIGNATURE + b"\0",
        b"\x30\x81" + SIGNATURE[1:],
        bytes([0x31]) + SIGNATURE[1:],
        bytes([0x30, len(body) + 2]) + body + b"\5\0",
    ):
        assert not p256.verifies(KEY, MESSAGE, wrong)


def test_a_point_at_infinity_is_no_answer() -> None:
    """With the key -G and equal factors, the sum of the products is the point at infinity."""
    digest = int.from_bytes(__import__("hashlib").sha256(MESSAGE).digest(), "big") % p256.N
    minus = (p256.G[0], p256.P - p256.G[1])
    signature = utils.encode_dss_signature(digest, 1)
    assert not p256.verifies(minus, MESSAGE, signature)
    assert not keys.verifies(minus, MESSAGE, signature)


def test_a_key_has_one_file() -> None:
    pem = PRIVATE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert p256.pem(p256.public_key(pem)) == pem
    assert p256.public_key(pem.replace(b"\n", b"\r\n")) == KEY


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_keys_of_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    pem = (
        ec.generate_private_key(curve)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="not a public key on the curve P-256"):
        p256.public_key(pem)


def test_a_point_off_the_curve_is_refused() -> None:
    wrong = (KEY[0], KEY[1] ^ 1)
    with pytest.raises(ValueError, match="not a point"):
        p256.public_key(p256.pem(wrong))


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", b"x" * 99]
)
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="not the PEM file"):
        p256.public_key(text)
