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
from edgeall.training.features import Computed, Views, source, through
from edgeall.training.images import ImageCache
from edgeall.training.model import compiled

MAPPING = BACKBONES["mobilenetv2"].pixels(32)


@pytest.fixture
def views(cells: Path) -> Views:
    members = split_of(cells, 9, 3).train
    inputs = keras.Input((32, 32, 3))
    trunk = compiled(keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2)(inputs)))
    return Views(ImageCache(cells, members, 32).images(members), MAPPING, Augmentation(), 5, trunk)


def test_computed_once_or_each_time_is_the_same(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    once = source(views, 3, "features", SILENT)
    monkeypatch.setattr(features, "MEMORY", 1000)
    each_time = source(views, 3, "features", SILENT)
    assert isinstance(once, Computed)
    assert each_time is views
    indices = np.array([17, 0, 3, 3, 8])
    for epoch in range(3):
        np.testing.assert_allclose(once.batch(epoch, indices), each_time.batch(epoch, indices), atol=1e-6)


def test_epochs_take_computed_views_in_turn(views: Views) -> None:
    once = source(views, 2, "features", SILENT)
    indices = np.arange(4)
    np.testing.assert_array_equal(once.batch(0, indices), once.batch(2, indices))
    assert not np.array_equal(once.batch(0, indices), once.batch(1, indices))


def test_without_a_frozen_part_every_epoch_sees_new_pixels(views: Views) -> None:
    plain = Views(views.images, MAPPING, views.augmentation, views.seed, None)
    assert source(plain, 4, "features", SILENT) is plain
    image = views.images.take([6])[0]
    for epoch in range(3):
        expected = MAPPING.apply(augmented(image, views.augmentation, views.seed, epoch, 6))
        np.testing.assert_array_equal(plain.batch(epoch, np.array([6]))[0], expected)


def test_validation_goes_through_unaugmented(views: Views) -> None:
    pictures = views.images.take(np.arange(18))
    np.testing.assert_allclose(
        through(views.trunk, MAPPING, pictures), views.batch(0, np.arange(18)), atol=1e-6
    )
