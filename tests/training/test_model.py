"""A classifier is one plain graph; cut in two for training, it stays the same function."""

import keras
import numpy as np
import pytest

from edgeall.errors import RunError, UsageError
from edgeall.training.backbones import BACKBONES
from edgeall.training.heads import HEADS
from edgeall.training.model import (
    PREDICT_BATCH,
    Classifier,
    build,
    class_probabilities,
    load,
    predict,
    run_model,
    submodel,
    trained_part,
    unfreeze,
)


def small(name: str = "mobilenetv2", head: str = "gap", outputs: int = 1) -> Classifier:
    keras.utils.set_random_seed(0)
    return build(BACKBONES[name], HEADS[head], outputs, size=max(32, BACKBONES[name].least_size))


def inputs(classifier: Classifier, n: int = 3) -> np.ndarray:
    shape = classifier.model.inputs[0].shape[1:]
    return np.random.default_rng(0).normal(0, 1, (n, *shape)).astype(np.float32)


def answers(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Outputs op by op: quicker than to trace a network that runs once."""
    return np.asarray(model([x], training=False))


@pytest.mark.parametrize("name", BACKBONES)
def test_frozen_part_and_trained_part_make_the_whole(name: str) -> None:
    classifier = small(name)
    cut = unfreeze(classifier, "upper")
    assert cut == BACKBONES[name].upper
    x = inputs(classifier)
    np.testing.assert_allclose(
        answers(trained_part(classifier, cut), answers(submodel(classifier, None, cut), x)),
        answers(classifier.model, x),
        atol=1e-5,
    )


def test_features_are_the_same_in_one_step_or_two() -> None:
    classifier = small()
    x = inputs(classifier)
    lower, upper = (
        submodel(classifier, None, "block_12_add"),
        submodel(classifier, "block_12_add", "features"),
    )
    np.testing.assert_allclose(
        answers(upper, answers(lower, x)), answers(submodel(classifier, None, "features"), x), atol=1e-5
    )


def test_the_whole_can_be_trained_without_a_frozen_part() -> None:
    classifier = small()
    assert unfreeze(classifier, "scratch") is None
    assert unfreeze(classifier, "all") is None
    x = inputs(classifier)
    np.testing.assert_allclose(
        run_model(trained_part(classifier, None), x), run_model(classifier.model, x), atol=1e-5
    )


@pytest.mark.parametrize(
    ("depth", "normalization"), [("upper", False), ("all", False), ("published", True), ("scratch", True)]
)
def test_pretrained_batchnorm_is_trained_by_the_published_recipe_alone(
    depth: str, normalization: bool
) -> None:
    classifier = small()
    unfreeze(classifier, depth)
    trained = {type(layer).__name__ for layer in classifier.base.layers if layer.trainable_weights}
    assert "Conv2D" in trained
    assert ("BatchNormalization" in trained) == normalization


def test_nothing_of_the_base_is_trained_where_it_is_frozen() -> None:
    classifier = small()
    unfreeze(classifier, "none")
    assert not classifier.base.trainable_weights


def test_two_backbones_were_published_frozen() -> None:
    classifier = small("resnet101v2")
    unfreeze(classifier, "published")
    assert not classifier.base.trainable_weights


def test_a_named_layer_divides_unless_paths_run_round_it() -> None:
    classifier = small()
    assert unfreeze(classifier, "block_12_add") == "block_12_add"
    assert not classifier.base.get_layer("block_11_project").trainable
    assert classifier.base.get_layer("block_13_project").trainable
    with pytest.raises(UsageError, match="does not divide it"):
        unfreeze(classifier, "block_12_expand")
    with pytest.raises(UsageError, match="did you mean 'block_12_add'"):
        unfreeze(classifier, "block_12_ad")


def trained_twice(classifier: Classifier, part: keras.Model) -> None:
    part.compile(optimizer="adam", loss="binary_crossentropy", run_eagerly=True)
    shape = part.inputs[0].shape[1:]
    x = np.random.default_rng(0).normal(0, 1, (4, *shape)).astype(np.float32)
    for _ in range(2):  # the output layer starts from zero and lets nothing through in the first step
        part.train_on_batch(x, np.ones((4, 1), np.float32))


def averages(layer: keras.layers.BatchNormalization) -> np.ndarray:
    return np.stack([np.array(layer.moving_mean), np.array(layer.moving_variance)])


def test_steady_training_leaves_moving_averages_alone() -> None:
    classifier = small()
    cut = unfreeze(classifier, "published")
    normalization = classifier.base.get_layer("Conv_1_bn")
    before, shift = averages(normalization), np.array(normalization.beta)
    trained_twice(classifier, trained_part(classifier, cut))
    np.testing.assert_array_equal(before, averages(normalization))
    assert not np.array_equal(shift, normalization.beta)


def test_training_as_published_moves_the_averages() -> None:
    classifier = small(head="paper")
    cut = unfreeze(classifier, "published")
    first, last = classifier.base.get_layer("bn_Conv1"), classifier.base.get_layer("Conv_1_bn")
    before = averages(first), averages(last)
    part = trained_part(classifier, cut, frozen_statistics=False)
    x = inputs(classifier)
    np.testing.assert_allclose(answers(part, x), answers(classifier.model, x), atol=1e-5)
    trained_twice(classifier, part)
    assert not np.array_equal(before[0], averages(first))
    assert not np.array_equal(before[1], averages(last))


def test_frozen_batchnorm_infers_even_where_training_is_not_steady() -> None:
    """Only the upper layers are opened and no BatchNorm is: one step's answers are those of inference."""
    classifier = small()
    cut = unfreeze(classifier, "upper")
    part = trained_part(classifier, cut, frozen_statistics=False)
    normalizations = [layer for layer in classifier.base.layers if "BatchNorm" in type(layer).__name__]
    before = [averages(layer) for layer in normalizations]
    x = np.random.default_rng(0).normal(0, 1, (4, *part.inputs[0].shape[1:])).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(part(x, training=True)), np.asarray(part(x, training=False)))
    trained_twice(classifier, part)
    for was, layer in zip(before, normalizations, strict=True):
        np.testing.assert_array_equal(was, averages(layer))


@pytest.mark.parametrize("steady", [True, False])
def test_of_a_frozen_backbone_the_head_alone_is_trained(steady: bool) -> None:
    classifier = small(head="paper")
    cut = unfreeze(classifier, "none")
    part = trained_part(classifier, cut, frozen_statistics=steady)
    before = [np.array(weights) for weights in classifier.base.get_weights()]
    x = inputs(classifier)
    np.testing.assert_allclose(
        answers(part, answers(classifier.base, x)), answers(classifier.model, x), atol=1e-5
    )
    trained_twice(classifier, part)
    for was, now in zip(before, classifier.base.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("n", [1, PREDICT_BATCH - 1, PREDICT_BATCH, PREDICT_BATCH + 1])
def test_any_number_of_images_gives_as_many_answers(n: int) -> None:
    classifier = small()
    images = np.random.default_rng(1).integers(0, 256, (n, 32, 32, 3), np.uint8)
    mapping = BACKBONES["mobilenetv2"].pixels(32)
    one_by_one = np.concatenate([predict(classifier.model, images[i : i + 1], mapping) for i in range(n)])
    together = predict(classifier.model, images, mapping)
    assert together.shape == (n, 2)
    np.testing.assert_allclose(together, one_by_one, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1)


def test_a_sigmoid_is_the_second_of_two_classes_and_a_softmax_stays() -> None:
    np.testing.assert_allclose(class_probabilities(np.array([[0.25]])), [[0.75, 0.25]])
    np.testing.assert_allclose(class_probabilities(np.array([[0.2, 0.3, 0.5]])), [[0.2, 0.3, 0.5]])
    assert small(outputs=4).model.outputs[0].shape == (None, 4)


def test_the_saved_model_is_plain_and_loads_safely(tmp_path) -> None:
    classifier = small()
    classifier.model.save(tmp_path / "model.keras")
    model = load(tmp_path / "model.keras", "mine")
    assert [tensor.name for tensor in model.inputs] == ["pixels"]
    assert model.layers[-1].name == "probability"
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    x = inputs(classifier)
    np.testing.assert_array_equal(answers(model, x), answers(classifier.model, x))


def test_a_damaged_model_is_named(tmp_path) -> None:
    small().model.save(tmp_path / "model.keras")
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=r"model\.keras: run mine's model cannot be loaded") as caught:
        load(tmp_path / "model.keras", "mine")
    assert "\n" not in str(caught.value)


def test_code_in_a_model_is_not_run(tmp_path) -> None:
    tensor = keras.Input((4,))
    model = keras.Model(tensor, keras.layers.Lambda(lambda x: x * 2)(tensor))
    model.save(tmp_path / "model.keras")
    with pytest.raises(RunError, match="cannot be loaded"):
        load(tmp_path / "model.keras", "mine")
