"""What --preprocessing and --channel-order can say, and what becomes of it with what the model does itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.errors import UsageError
from edgeall.importing.preprocessing import MODES, InModelPreprocessing, candidates, mapping, parse

BYTES = np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tf", BYTES / 127.5 - 1),
        ("unit", BYTES / 255),
        ("raw", BYTES),
        ("caffe", BYTES[:, ::-1] - [103.939, 116.779, 123.68]),
        ("torch", (BYTES / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("0.5,-3", BYTES * 0.5 - 3),
        ("1,2,3,4,5,6", BYTES * [1, 2, 3] + [4, 5, 6]),
    ],
)
def test_modes_and_numbers_mean_what_keras_does(text: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(
        mapping(parse(text), InModelPreprocessing(), 8).apply(BYTES), expected, rtol=1e-5, atol=1e-5
    )


def test_opencv_order_turns_the_channels() -> None:
    np.testing.assert_allclose(
        mapping(parse("raw", "bgr"), InModelPreprocessing(), 8).apply(BYTES), BYTES[:, ::-1]
    )


@pytest.mark.parametrize(
    ("text", "order", "words"),
    [
        ("tff", None, "did you mean 'tf'"),
        ("1,2,3", None, "scale,offset"),
        ("0,1", None, "a scale must not be 0"),
        ("a,b", None, "scale,offset"),
        ("inf,0", None, "scale,offset"),
        ("tf", "GBR", "RGB or BGR"),
    ],
)
def test_anything_else_is_refused(text: str, order: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(text, order)


numbers = st.tuples(*[st.floats(-4, 4).filter(lambda x: abs(x) > 0.01)] * 3)


@given(st.sampled_from(candidates()), numbers, numbers, st.booleans())
def test_what_the_model_does_first_comes_after_what_is_done_outside(way, scale, offset, turned: bool) -> None:
    front = (InModelPreprocessing().select((2, 1, 0)) if turned else InModelPreprocessing()).then(
        scale, offset
    )
    outside = mapping(way, InModelPreprocessing(), 8).apply(BYTES).astype(np.float64)
    inside = (outside[:, ::-1] if turned else outside) * scale + offset
    np.testing.assert_allclose(mapping(way, front, 8).apply(BYTES), inside, rtol=1e-4, atol=1e-3)


def test_what_is_tried_is_tried_once() -> None:
    tried = candidates()
    assert set(MODES.values()) <= set(tried)
    assert not any(a.is_close(b) for a in tried for b in tried if a is not b)
