"""Equalization changes how a network's tensors are spread, and none of its answers."""

import numpy as np
import pytest
from qat_networks import MAPPING, NETWORKS, drawn_images

from edgeall.exporting import qat
from edgeall.exporting.qat.equalization import _channel_peaks
from edgeall.exporting.qat.twin import float_model

IMAGES = drawn_images(16)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_answers_stay(network: str) -> None:
    plain = qat.prepare(NETWORKS[network]())
    equal = qat.equalize(plain, IMAGES, MAPPING)
    tensors = MAPPING.apply(drawn_images(16, seed=5))
    before, after = (np.asarray(float_model(each).predict_on_batch(tensors)) for each in (plain, equal))
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_channels_of_a_residual_become_more_alike() -> None:
    plain = qat.prepare(NETWORKS["inverted_residuals"]())
    equal = qat.equalize(plain, IMAGES, MAPPING)
    (name,) = [node.name for node in plain.graph.nodes if node.kind == "add"]
    spread = [np.ptp(np.log(_channel_peaks(each, IMAGES, MAPPING)[name])) for each in (plain, equal)]
    assert spread[1] < 0.5 * spread[0]
