"""Equalization changes how a network's tensors are spread, and not its answers."""

import numpy as np
import pytest
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall.exporting import int8
from edgeall.exporting.int8.equalization import _channel_peaks
from edgeall.exporting.int8.fake_quant import float_model

IMAGES = drawn_images(16)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_answers_stay(network: str) -> None:
    """On any images, those that no channel's range was taken from among them."""
    ir = int8.prepare(NETWORKS[network]())
    equal = int8.equalize(ir, IMAGES, MAPPING)
    noise = np.random.default_rng(7).integers(0, 256, IMAGES.shape).astype(np.uint8)
    for images in (IMAGES, drawn_images(16, seed=5), noise):
        tensors = MAPPING.apply(images)
        before, after = (np.asarray(float_model(each).predict_on_batch(tensors)) for each in (ir, equal))
        np.testing.assert_allclose(after, before, atol=1e-4)


def test_channels_of_a_residual_become_more_alike() -> None:
    ir = int8.prepare(NETWORKS["inverted_residuals"]())
    equal = int8.equalize(ir, IMAGES, MAPPING)
    (name,) = [node.name for node in ir.graph.nodes if node.kind == "add"]
    spread = [np.ptp(np.log(_channel_peaks(each, IMAGES, MAPPING)[name])) for each in (ir, equal)]
    assert spread[1] < 0.75 * spread[0]


def test_channels_before_relu6_stay() -> None:
    """Its cap holds for all channels."""
    ir = int8.prepare(NETWORKS["inverted_residuals"]())
    equal = int8.equalize(ir, IMAGES, MAPPING)
    peaks = [_channel_peaks(each, IMAGES, MAPPING) for each in (ir, equal)]
    capped = [node.name for node in ir.graph.nodes if node.activation == "relu6"]
    assert capped
    for name in capped:
        np.testing.assert_allclose(peaks[1][name], peaks[0][name], atol=1e-4)


def test_what_a_concatenation_joins_becomes_more_alike() -> None:
    """Each channel has a factor of its own, whichever tensor it comes from."""
    ir = int8.prepare(NETWORKS["dense_blocks"]())
    equal = int8.equalize(ir, IMAGES, MAPPING)
    name = next(node.name for node in ir.graph.nodes if node.kind == "concat")
    spread = [np.ptp(np.log(_channel_peaks(each, IMAGES, MAPPING)[name])) for each in (ir, equal)]
    assert spread[1] < 0.2 * spread[0]
