"""A run whose model is a real, small Keras network, trained for seconds to tell drawn images by their brightness."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
from small_run import SIZE, draw

from edgeall import files, pixels, runs
from edgeall.artifact import Decision
from edgeall.domain.of_split import domain_of_split
from edgeall.pixels import PixelMapping

SYMMETRIC = PixelMapping(SIZE, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)
CAFFE = PixelMapping(SIZE, "BGR", (1.0,) * 3, (-103.939, -116.779, -123.68))


def make_keras_run(
    folder: Path, *, classes: int = 2, mapping: PixelMapping = SYMMETRIC, images: int = 16
) -> runs.Run:
    """A run at `folder`, its images beside it. Two classes end in a sigmoid, more in a softmax."""
    data = folder.parent / f"{folder.name}-data"
    labels = ("healthy", "all", "benign")[:classes]
    # `draw` knows one dark class; each label gets its own seed so that no two are the same picture.
    for seed, label in enumerate(labels):
        draw(data, {label: images}, seed)
    members = [
        runs.Member(path.relative_to(data).as_posix(), files.sha256_file(path), path.parent.name)
        for path in sorted(data.glob("*/*.png"), key=lambda path: path.stem[::-1])
    ]
    # The images of a number, one a label, are dealt out together, so that each part has every label.
    numbers = [members[first : first + classes] for first in range(0, len(members), classes)]
    train, val, test = (
        tuple(m for number in part for m in number) for part in (numbers[0::2], numbers[1::4], numbers[3::4])
    )
    run = runs.Run(
        path=folder,
        backbone="mobilenetv2",
        head="gap",
        weights="random weights",
        licence="Apache-2.0",
        seed=0,
        pixels=mapping,
        decision=Decision(labels=labels, positive=labels[1:]),
        data=runs.DataSource(data, "image-folder", runs.fingerprint(train)),
        split=runs.Split(train, val, test, "image"),
        calibration={
            "method": "platt",
            "scale": 0.8,
            "offset": -0.125,
            "n": 16,
            "loss_before": 1.0,
            "loss_after": 0.9,
        },
        params={"total": 1, "trainable": 1, "non_trainable": 0},
        versions={"keras": "3"},
    )
    run = dataclasses.replace(run, domain=domain_of_split(data, run.split, mapping.resize))
    folder.mkdir(parents=True)
    _train(run, classes).save(run.model_path)
    runs.save(run)
    return run


def copy_run(run: runs.Run, folder: Path) -> runs.Run:
    """The same run and images elsewhere, without its exports, to be changed freely."""
    data = folder.parent / f"{folder.name}-data"
    shutil.copytree(run.data.root, data)
    folder.mkdir(parents=True)
    shutil.copyfile(run.model_path, folder / "model.keras")
    copy = dataclasses.replace(run, path=folder, data=dataclasses.replace(run.data, root=data))
    runs.save(copy)
    return copy


def with_threshold(run: runs.Run, threshold: float) -> runs.Run:
    """The same run, decided otherwise; written."""
    changed = dataclasses.replace(run, decision=dataclasses.replace(run.decision, threshold=threshold))
    runs.save(changed)
    return changed


def _train(run: runs.Run, classes: int):
    import keras
    from keras import layers

    keras.utils.set_random_seed(run.seed)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.5)(y))
    x = layers.Concatenate()([x, layers.Add()([x, y])])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1, activation="relu")(x))
    outputs = layers.Dense(1, "sigmoid")(x) if classes == 2 else layers.Dense(classes, "softmax")(x)
    model = keras.Model(inputs, outputs)
    images = np.stack([pixels.read_image(run.data.root / member.name, SIZE) for member in run.split.train])
    loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    model.fit(run.pixels.apply(images), np.array(run.class_indices("train")), epochs=15, verbose=0)
    return model
