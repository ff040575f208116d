"""The table of backbones says of each what Keras builds."""

import importlib

import numpy as np
import pytest

from edgeall.errors import UsageError
from edgeall.training.backbones import BACKBONES, find_backbone, parameter_table
from edgeall.training.heads import HEADS, find_head

PUBLISHED = {
    "vgg16": (21_170_497, 0),
    "vgg19": (26_480_193, 0),
    "resnet101v2": (25_723_393, 42_626_560),
    "densenet201": (24_117_761, 18_321_984),
    "mobilenetv2": (18_313_473, 34_112),
    "inceptionv3": (34_908_833, 34_432),
}
"""Trainable and non-trainable parameters in the published comparison."""


@pytest.mark.parametrize("name", BACKBONES)
def test_paper_head_has_the_published_counts(name: str) -> None:
    params = BACKBONES[name].params(HEADS["paper"])
    assert (params["trainable"], params["non_trainable"]) == PUBLISHED[name]
    assert params["total"] == sum(PUBLISHED[name])


@pytest.mark.parametrize("name", BACKBONES)
def test_counts_are_those_of_the_built_model(name: str) -> None:
    import keras

    from edgeall.training.finetune import count_params
    from edgeall.training.model import build, unfreeze

    backbone = BACKBONES[name]
    classifier = build(backbone, HEADS["gap"], 1, size=backbone.input_size)
    assert classifier.base.output.shape[1:] == backbone.features
    assert classifier.base.count_params() == backbone.parameters
    for head in HEADS.values():
        tensor = classifier.base.output
        for layer in head.layers(1, 0.0, 0):
            tensor = layer(tensor)
        unfreeze(classifier, head.fine_tune)
        assert count_params(keras.Model(classifier.base.inputs, tensor)) == backbone.params(head)


@pytest.mark.parametrize("name", BACKBONES)
def test_preprocessing_is_that_of_keras(name: str) -> None:
    module = {
        "vgg16": "vgg16",
        "vgg19": "vgg19",
        "resnet101v2": "resnet_v2",
        "densenet201": "densenet",
        "mobilenetv2": "mobilenet_v2",
        "inceptionv3": "inception_v3",
    }[name]
    published = importlib.import_module(f"keras.applications.{module}").preprocess_input
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    ours = BACKBONES[name].pixels().apply(image)
    np.testing.assert_allclose(ours, published(image.astype(np.float32)), atol=2e-5)


def test_each_backbone_appears_with_each_head() -> None:
    rows = parameter_table()
    assert {(row["name"], row["head"]) for row in rows} == {(b, h) for b in BACKBONES for h in HEADS}
    assert len(rows) == len(BACKBONES) * len(HEADS)


def test_names_are_forgiving_of_case_and_typing() -> None:
    assert find_backbone("DenseNet201").name == "densenet201"
    with pytest.raises(UsageError, match="did you mean 'mobilenetv2'"):
        find_backbone("mobilnetv2")
    with pytest.raises(UsageError, match="unknown head 'gab': did you mean 'gap'"):
        find_head("gab")
