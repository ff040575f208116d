"""Features of augmented views, computed once or when needed, are the same."""

from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_cells import split_of

from edgeall.progress import SILENT
from edgeall.training import features
from edgeall.training.augment import Augmentation, augmented
from edgeall.training.backbones import BACKBONES
from edgeall.training.features import CachedFeatures, FrozenFeatures, Views, frozen_features, unaugmented
from edgeall.training.image_cache import ImageCache
from edgeall.training.model import compiled

MAPPING = BACKBONES["mobilenetv2"].pixels(32)


N = 18


@pytest.fixture
def views(cells: Path) -> Views:
    members = split_of(cells, 9, 3).train
    return Views(ImageCache(cells, members, 32).images(members), MAPPING, Augmentation(), 5)


@pytest.fixture
def frozen() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    return compiled(keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2)(inputs)))


def test_computed_once_or_each_time_is_the_same(
    views: Views, frozen: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = frozen_features(views, frozen, N, 3, "features", SILENT)
    monkeypatch.setattr(features, "MEMORY", 1000)
    each_time = frozen_features(views, frozen, N, 3, "features", SILENT)
    assert isinstance(once, CachedFeatures)
    assert isinstance(each_time, FrozenFeatures)
    indices = np.array([17, 0, 3, 3, 8])
    for epoch in range(3):
        np.testing.assert_allclose(once.batch(epoch, indices), each_time.batch(epoch, indices), atol=1e-6)


def test_epochs_take_computed_views_in_turn(views: Views, frozen: keras.Model) -> None:
    once = frozen_features(views, frozen, N, 2, "features", SILENT)
    indices = np.arange(4)
    np.testing.assert_array_equal(once.batch(0, indices), once.batch(2, indices))
    assert not np.array_equal(once.batch(0, indices), once.batch(1, indices))


def test_without_a_frozen_part_every_epoch_sees_new_pixels(views: Views) -> None:
    image = views.images.take([6])[0]
    for epoch in range(3):
        expected = MAPPING.apply(augmented(image, views.augmentation, views.seed, epoch, 6))
        np.testing.assert_array_equal(views.batch(epoch, np.array([6]))[0], expected)


def test_plain_is_every_image_unaugmented_and_in_order(views: Views) -> None:
    np.testing.assert_array_equal(unaugmented(views, N), MAPPING.apply(views.images.take(range(N))))
