"""Tiny networks that hold every structure the six backbones have; weights, and BatchNorm's statistics, random."""

from collections.abc import Callable
from typing import Any

import numpy as np

from edgeall.pixels import PixelMapping

SIZE = 32
MAPPING = PixelMapping(SIZE, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)


def drawn_images(count: int, seed: int = 0) -> np.ndarray:
    """Smooth bright or dark images, uint8 (count, SIZE, SIZE, 3), unlike one another."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3))
    light = rng.uniform(0.3, 1.0, (count, 1, 1, 3))
    return (np.kron(coarse, np.ones((1, SIZE // 4, SIZE // 4, 1))) * light).astype(np.uint8)


def inverted_residuals() -> Any:
    """MobileNetV2: ReLU6, padded strided depthwise convolutions, linear bottlenecks added."""
    from keras import layers

    def body(x: Any) -> Any:
        x = layers.ReLU(6.0)(_conv_bn(x, 8, 3, strides=2, padding="same"))
        x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = layers.DepthwiseConv2D(3, strides=2, use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        narrow = _conv_bn(x, 6, 1)
        x = layers.ReLU(6.0)(_conv_bn(narrow, 24, 1))
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        return layers.Add()([narrow, _conv_bn(x, 6, 1)])

    return _classifier(body, "gap")


def preactivated_residuals() -> Any:
    """ResNetV2: BatchNorm before the convolution, zeros around values of both signs before a max pool."""
    from keras import layers

    def body(x: Any) -> Any:
        x = layers.Conv2D(8, 7, strides=2)(layers.ZeroPadding2D(3)(x))
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
        for strides in (1, 2):
            active = _bn_relu(x)
            short = layers.Conv2D(8, 1)(active) if strides == 1 else layers.MaxPooling2D(1, strides=2)(x)
            y = layers.Activation("relu")(_conv_bn(active, 8, 1))
            y = layers.ZeroPadding2D(1)(y)
            y = layers.Activation("relu")(_conv_bn(y, 8, 3, strides=strides))
            x = layers.Add()([short, layers.Conv2D(8, 1)(y)])
        return _bn_relu(x)

    return _classifier(body, "gap")


def dense_blocks() -> Any:
    """DenseNet: growing concatenations, at first of a bounded tensor with unbounded ones, and average pools."""
    from keras import layers

    def body(x: Any) -> Any:
        x = layers.Activation("relu")(_conv_bn(layers.ZeroPadding2D(3)(x), 8, 7, strides=2))
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
        for _ in range(2):
            y = layers.Activation("relu")(_conv_bn(_bn_relu(x), 8, 1))
            x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same", use_bias=False)(y)])
        x = layers.AveragePooling2D(2, strides=2)(layers.Conv2D(8, 1, use_bias=False)(_bn_relu(x)))
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(_bn_relu(x))
        return _bn_relu(layers.Concatenate()([x, y]))

    return _classifier(body, "paper")


def inception_branches() -> Any:
    """InceptionV3: branches of unlike windows, one behind an average pool that does not count its padding."""
    from keras import layers

    def body(x: Any) -> Any:
        relu = layers.ReLU
        x = relu()(_conv_bn(x, 8, 3, strides=2))
        x = layers.MaxPooling2D(3, strides=2)(x)
        left = relu()(_conv_bn(x, 4, (1, 7), padding="same"))
        pooled = layers.AveragePooling2D(3, strides=1, padding="same")(x)
        x = layers.Concatenate()(
            [left, relu()(_conv_bn(pooled, 4, 1)), relu()(_conv_bn(x, 4, 3, padding="same"))]
        )
        return layers.Concatenate()(
            [layers.MaxPooling2D(3, strides=2)(x), relu()(_conv_bn(x, 6, 3, strides=2))]
        )

    return _classifier(body, "gap")


def plain_stack() -> Any:
    """VGG: convolutions with bias and ReLU of their own, max pools, then dense layers."""
    from keras import layers

    def body(x: Any) -> Any:
        for filters in (8, 12):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D(2)(x)
        return x

    return _classifier(body, "paper")


NETWORKS: dict[str, Callable[[], Any]] = {
    builder.__name__: builder
    for builder in (inverted_residuals, preactivated_residuals, dense_blocks, inception_branches, plain_stack)
}


def _conv_bn(x: Any, filters: int, window: Any, **settings: Any) -> Any:
    from keras import layers

    return layers.BatchNormalization()(layers.Conv2D(filters, window, use_bias=False, **settings)(x))


def _bn_relu(x: Any) -> Any:
    from keras import layers

    return layers.Activation("relu")(layers.BatchNormalization()(x))


def _classifier(body: Callable[[Any], Any], head: str) -> Any:
    """`body` with a head, its answers spread over the drawn images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image = keras.Input((SIZE, SIZE, 3))
    x = body(image)
    if head == "gap":
        x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
        output = layers.Dense(3, activation="softmax")(x)
    else:
        x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
        x = layers.Dense(8, activation="relu")(x)
        output = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(image, output)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            size = layer.gamma.shape
            layer.gamma.assign(rng.uniform(0.5, 1.5, size))
            layer.beta.assign(rng.normal(0, 0.3, size))
            layer.momentum = 0.0
    tensors = MAPPING.apply(drawn_images(32))
    model(tensors, training=True)
    last = model.layers[-1]
    logits = keras.Model(image, last.input)(tensors) @ last.kernel
    spread = np.asarray(logits).std(axis=0)
    last.kernel.assign(np.asarray(last.kernel) * 2.0 / np.maximum(spread, 1e-3))
    last.bias.assign(-np.asarray(logits).mean(axis=0) * 2.0 / np.maximum(spread, 1e-3))
    return model
