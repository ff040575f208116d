"""Identifies the known backbone that a model is built on, by its structure alone."""

from typing import Any

from edgeall.training import BACKBONES

UNKNOWN = "imported"
_OF_A_BACKBONE = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization")


def backbone_of(model: Any) -> str:
    """Name of the backbone whose convolutions and normalizations the model has, or "imported".

    The parameters of convolutions and normalizations over feature maps are counted. The six known counts differ, and
    another network is unlikely to share one. A backbone with an added convolution is not identified.
    """
    count = sum(
        int(layer.count_params())
        for layer in model.layers
        if type(layer).__name__ in _OF_A_BACKBONE and len(layer.output.shape) == 4
    )
    found = (backbone.name for backbone in BACKBONES.values() if backbone.parameters == count)
    return next(found, UNKNOWN)
