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
    """On unseen images a channel may go beyond the room that ReLU6 has left for it, by little."""
    plain = int8.prepare(NETWORKS[network]())
    equal = int8.equalize(plain, IMAGES, MAPPING)
    for images, tolerance in ((IMAGES, 1e-4), (drawn_images(16, seed=5), 2e-3)):
        tensors = MAPPING.apply(images)
        before, after = (np.asarray(float_model(each).predict_on_batch(tensors)) for each in (plain, equal))
        np.testing.assert_allclose(after, before, atol=tolerance)


def test_channels_of_a_residual_become_more_alike() -> None:
    plain = int8.prepare(NETWORKS["inverted_residuals"]())
    equal = int8.equalize(plain, IMAGES, MAPPING)
    (name,) = [node.name for node in plain.graph.nodes if node.kind == "add"]
    spread = [np.ptp(np.log(_channel_peaks(each, IMAGES, MAPPING)[name])) for each in (plain, equal)]
    assert spread[1] < 0.75 * spread[0]


def test_channels_before_relu6_become_more_alike_too() -> None:
    plain = int8.prepare(NETWORKS["inverted_residuals"]())
    equal = int8.equalize(plain, IMAGES, MAPPING)
    peaks = [_channel_peaks(each, IMAGES, MAPPING) for each in (plain, equal)]
    capped = [node.name for node in plain.graph.nodes if node.activation == "relu6"]
    for name in capped:
        assert np.all(peaks[1][name] >= peaks[0][name] - 1e-4), "a channel is made larger, or left"
        assert np.all(peaks[1][name] <= 6.0 + 1e-4)
    least = [min(float(each[name].min()) for name in capped) for each in peaks]
    assert least[1] > 1.2 * least[0]


def test_what_a_concatenation_joins_becomes_more_alike() -> None:
    """Each channel has a factor of its own, whichever tensor it comes from."""
    plain = int8.prepare(NETWORKS["dense_blocks"]())
    equal = int8.equalize(plain, IMAGES, MAPPING)
    name = next(node.name for node in plain.graph.nodes if node.kind == "concat")
    spread = [np.ptp(np.log(_channel_peaks(each, IMAGES, MAPPING)[name])) for each in (plain, equal)]
    assert spread[1] < 0.2 * spread[0]
