"""Writes `keras2/`: model files by Keras 2 itself, and what Keras 2 says of one picture with each.

Run it where `tf_keras`, Keras 2's own package, is installed: PYTHONPATH=tests python tests/importing/make_keras2.py
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from coloured_cells import pictures

layers = keras.layers
FOLDER = Path(__file__).parent / "keras2"


def smear(size: int = 96) -> keras.Model:
    """Fine-tuned as tutorials do: augmentation and preprocessing inside, a nested base, partly frozen; trained."""
    inside = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="Conv1")(inside)
    x = layers.BatchNormalization(name="bn_Conv1")(x)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(8, 1, name="project")(x)
    base = keras.Model(inside, x, name="base")
    base.get_layer("bn_Conv1").trainable = False

    image = keras.Input((size, size, 3), name="image")
    flips = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)], name="augmentation")
    x = keras.applications.mobilenet_v2.preprocess_input(flips(image))
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(image, layers.Dense(1, activation="sigmoid")(x))
    _train(model, size)
    return model


def outside(size: int = 96) -> keras.Model:
    """A Sequential that leaves preprocessing ("tf") to its user, with two softmax outputs; trained."""
    model = keras.Sequential(
        [
            layers.Conv2D(8, 3, strides=2, input_shape=(size, size, 3)),
            layers.LeakyReLU(0.2),
            layers.SeparableConv2D(8, 3, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
            layers.Activation("softmax"),
        ]
    )
    _train(model, size, lambda x: x / 127.5 - 1)
    return model


def operators(size: int = 32) -> keras.Model:
    """Written with operators: Caffe's preprocessing inside, a sum, a product, functions of TensorFlow."""
    image = keras.Input((size, size, 3))
    x = keras.applications.vgg16.preprocess_input(image)
    x = layers.Conv2D(4, 3)(x)
    x = x + layers.Conv2D(4, 1)(x) * 0.5
    x = tf.reduce_mean(tf.nn.relu6(x / 50.0), [1, 2])
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def scaled(size: int = 32) -> keras.Model:
    """PyTorch's preprocessing inside."""
    image = keras.Input((size, size, 3))
    x = keras.applications.densenet.preprocess_input(image)
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=4, activation="swish")(x))
    return keras.Model(image, layers.Dense(1, activation="sigmoid")(x))


def described(size: int = 32) -> keras.Model:
    """Inputs and outputs by name, in a nested model as well; saved as JSON beside weights in both layouts."""
    inside = keras.Input((size, size, 3), name="cell")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, strides=4, name="conv")(inside))
    base = keras.Model({"cell": inside}, {"map": x}, name="base")
    image = keras.Input((size, size, 3), name="image")
    x = base({"cell": layers.Rescaling(1 / 255)(image)}, training=False)["map"]
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model({"image": image}, {"p": layers.Dense(1, activation="sigmoid", name="p")(x)})


def _train(model: keras.Model, size: int, prepare=lambda x: x) -> None:
    images = np.concatenate([pictures(label, 80, size) for label in ("hem", "all")]).astype(np.float32)
    truth = np.repeat([0, 1], 80)
    loss = "binary_crossentropy" if model.output_shape[1] == 1 else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(0.01), loss, ["accuracy"])
    model.fit(prepare(images), truth, batch_size=16, epochs=12, verbose=2)


def _first(answer) -> np.ndarray:
    return (answer["p"] if isinstance(answer, dict) else answer)[0]


def main() -> None:
    expected = {}
    for make in (smear, outside, operators, scaled, described):
        keras.utils.set_random_seed(0)
        model = make()
        for layer in model.layers if make in (operators, scaled, described) else []:
            for variable in layer.weights:
                values = np.random.default_rng(0).normal(0, 0.2, variable.shape)
                variable.assign(np.abs(values) if "variance" in variable.name else values)
        size = model.inputs[0].shape[1]
        picture = pictures("hem", 1, size, seed=7).astype(np.float32)
        if make is outside:
            picture = picture / 127.5 - 1
        if make is described:
            (FOLDER / "described.json").write_text(model.to_json(), encoding="utf-8")
            model.save_weights(FOLDER / "described.h5")
            model.save_weights(FOLDER / "described.weights.h5")
        for suffix in {smear: ("h5", "keras"), described: ()}.get(make, ("h5",)):
            model.save(FOLDER / f"{make.__name__}.{suffix}")
        expected[make.__name__] = {
            "size": size,
            "keras": keras.__version__,
            "answers": _first(model.predict(picture, verbose=0)).tolist(),
        }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
