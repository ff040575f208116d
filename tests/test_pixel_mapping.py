import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeall.pixels import PixelMapping

_THREE = st.tuples(*[st.floats(-300, 300, width=32)] * 3)
MAPPINGS = st.builds(PixelMapping, st.just(4), st.sampled_from(["RGB", "BGR"]), _THREE, _THREE)
ALL_BYTES = np.stack(np.meshgrid(np.arange(256), [0, 85, 255], indexing="ij"), axis=-1).astype(np.uint8)
ALL_BYTES = np.concatenate([ALL_BYTES, ALL_BYTES[..., :1] ^ 0x5A], axis=-1)


@given(MAPPINGS)
def test_a_mapping_is_the_affine_formula_for_every_byte(mapping: PixelMapping) -> None:
    ordered = ALL_BYTES if mapping.channel_order == "RGB" else ALL_BYTES[..., ::-1]
    expected = (ordered.astype(np.float64) * mapping.scale + mapping.offset).astype(np.float32)
    result = mapping.apply(ALL_BYTES)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, expected)


def test_the_published_preprocessings_are_such_mappings() -> None:
    """Keras's imagenet_utils: "tf" maps to [-1, 1], "caffe" subtracts the ImageNet means from BGR."""
    tf = PixelMapping(4, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)
    caffe = PixelMapping(4, "BGR", (1.0,) * 3, (-103.939, -116.779, -123.68))
    image = np.array([[[0, 128, 255]]], dtype=np.uint8)
    np.testing.assert_allclose(tf.apply(image)[0, 0], [-1, 128 / 127.5 - 1, 1], atol=1e-6)
    np.testing.assert_allclose(caffe.apply(image)[0, 0], [255 - 103.939, 128 - 116.779, -123.68], atol=1e-4)


@given(
    mapping=MAPPINGS,
    scale=st.floats(1e-4, 10),
    zero_point=st.integers(-128, 255),
    dtype=st.sampled_from([np.int8, np.uint8, np.int16]),
)
def test_a_quantized_table_is_the_rounded_map_saturated(
    mapping: PixelMapping, scale: float, zero_point: int, dtype: type
) -> None:
    table = mapping.quantized_table(scale, zero_point, dtype)
    limits = np.iinfo(dtype)
    assert table.dtype == dtype
    assert table.shape == (256, 3)
    exact = np.arange(256.0)[:, None] * mapping.scale + mapping.offset
    lowest, highest = (limits.min - zero_point) * scale, (limits.max - zero_point) * scale
    # Dequantized, each byte is within half a step of its exact value, or at the end of the range that it is beyond.
    restored = (table.astype(np.float64) - zero_point) * scale
    bound = 0.5 * scale * (1 + 1e-6) + 1e-9 * np.abs(exact)
    assert (np.abs(restored - np.clip(exact, lowest, highest)) <= bound).all()


def test_a_quantized_table_is_applied_in_the_tensor_s_own_type() -> None:
    mapping = PixelMapping(4, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)
    table = mapping.quantized_table(1 / 127.5, 0, np.int8)
    result = mapping.apply(ALL_BYTES, table)
    assert result.dtype == np.int8
    assert result.min() == -128
    assert result.max() == 127
