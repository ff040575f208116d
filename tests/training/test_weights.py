"""Where training starts: weights of a file, or random ones that carry a signal through every backbone."""

from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_cells import split_of

from edgeall.errors import EdgeallError, UsageError
from edgeall.training.backbones import BACKBONES
from edgeall.training.heads import HEADS
from edgeall.training.image_cache import CachedImages, ImageCache
from edgeall.training.initial_weights import initialize
from edgeall.training.model import Classifier, build
from edgeall.training.settings import TrainingSettings


def small(name: str = "mobilenetv2") -> Classifier:
    return build(BACKBONES[name], HEADS["gap"], 1, size=max(32, BACKBONES[name].least_size))


def start(classifier: Classifier, images: CachedImages, **settings: object) -> tuple[str, str]:
    size = classifier.model.inputs[0].shape[1]
    chosen = TrainingSettings(classifier.backbone.name, input_size=size, **settings)  # type: ignore[arg-type]
    return initialize(classifier, chosen, images, classifier.backbone.pixels(size))


@pytest.fixture
def images(cells: Path) -> CachedImages:
    members = split_of(cells, 6, 3).train
    return ImageCache(cells, members, 32).images(members)


@pytest.mark.parametrize("name", BACKBONES)
def test_random_weights_carry_a_signal_through(name: str, cells: Path) -> None:
    classifier = small(name)
    size = classifier.model.inputs[0].shape[1]
    members = split_of(cells, 6, 3).train
    images = ImageCache(cells, members, size).images(members)
    words, _ = start(classifier, images)
    inputs = classifier.backbone.pixels(size).apply(images.take(range(12)))
    features = np.asarray(classifier.base([inputs], training=False))
    spread = features.std(axis=0).mean() / np.abs(features).mean()
    assert np.isfinite(features).all()
    assert spread > 0.05, "images must differ in their features"
    assert np.abs(features).mean() > 1e-2, "features must not vanish"
    expected = "random weights, BatchNorm recalibrated on 12 training images"
    assert words == (expected if classifier.backbone.statistics else "random weights")


def test_recalibrated_averages_are_those_of_the_images(images: CachedImages) -> None:
    """All images fit one batch here, so running averages must reproduce the normalization of that very batch."""
    from edgeall.training.augment import Augmentation
    from edgeall.training.initial_weights import recalibrate

    classifier = small()
    still = Augmentation(rotation=0, flips=False, scaling=0, brightness=0)
    settings = TrainingSettings("mobilenetv2", input_size=32, augmentation=still)
    mapping = classifier.backbone.pixels(32)
    assert recalibrate(classifier.base, images, mapping, settings) == len(images)
    inputs = mapping.apply(images.take(range(len(images))))
    for layer in classifier.base.layers:
        assert layer.trainable
    by_batch = np.asarray(classifier.base([inputs], training=True))
    # The forward pass in training mode moved the averages a little; take them back.
    recalibrate(classifier.base, images, mapping, settings)
    np.testing.assert_allclose(classifier.base([inputs], training=False), by_batch, rtol=2e-3, atol=2e-3)


def test_a_seed_gives_the_same_weights_and_another_seed_others(images: CachedImages) -> None:
    models = [small(), small(), small()]
    for classifier, seed in zip(models, (1, 1, 2), strict=True):
        start(classifier, images, seed=seed)
    first, same, other = (classifier.base.get_weights() for classifier in models)
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_a_file_gives_its_weights(images: CachedImages, tmp_path: Path, suffix: str) -> None:
    source, target = small(), small()
    path = tmp_path / f"mine{suffix}"
    if suffix == ".weights.h5":
        source.base.save_weights(path)
    else:
        source.base.save(path)
    words, licence = start(target, images, weights=str(path))
    assert words == f"weights of mine{suffix}"
    assert licence.startswith(f"that of mine{suffix}")
    for ours, theirs in zip(target.base.get_weights(), source.base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_weights_of_another_backbone_are_refused(images: CachedImages, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"other{suffix}"
    other = small("vgg16").base
    other.save_weights(path) if suffix == ".weights.h5" else other.save(path)
    with pytest.raises(UsageError, match="does not hold weights of MobileNetV2") as caught:
        start(small(), images, weights=str(path))
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(images: CachedImages, tmp_path: Path) -> None:
    path = tmp_path / "cut.weights.h5"
    small().base.save_weights(path)
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(UsageError, match=r"cut\.weights\.h5: does not hold weights"):
        start(small(), images, weights=str(path))


def test_weights_that_are_not_numbers_are_refused(images: CachedImages, tmp_path: Path) -> None:
    source = small()
    source.base.get_layer("Conv1").set_weights([np.full((3, 3, 3, 32), np.nan, np.float32)])
    source.base.save_weights(tmp_path / "nan.weights.h5")
    with pytest.raises(UsageError, match="not finite"):
        start(small(), images, weights=str(tmp_path / "nan.weights.h5"))


def test_published_weights_load(images: CachedImages, mobilenet_weights: Path) -> None:
    classifier = small()
    start(classifier, images, weights=str(mobilenet_weights))
    assert classifier.base.get_layer("Conv1").get_weights()[0].std() > 0
    assert np.isfinite(np.asarray(classifier.base([np.zeros((1, 32, 32, 3), np.float32)]))).all()


def test_imagenet_weights_that_cannot_be_had_give_one_line(
    images: CachedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy that refuses stands for a machine without internet; Keras' own cache is elsewhere and empty.
    monkeypatch.setattr(keras.config, "keras_home", lambda: str(tmp_path), raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EdgeallError, match="ImageNet weights of VGG16 cannot be downloaded") as caught:
        start(small("vgg16"), images, weights="imagenet")
    assert "\n" not in str(caught.value)
    assert "--weights PATH" in str(caught.value)
