"""What a model file can contain, as tables. Another layer is allowed by adding its name here."""

from typing import Any

ANY = object()
"""Stands for any value of an option."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _words(
    """
    Activation Add Average AveragePooling2D BatchNormalization CenterCrop Concatenate Conv2D Conv2DTranspose Cropping2D
    Dense DepthwiseConv2D ELU Flatten GlobalAveragePooling2D GlobalMaxPooling2D GroupNormalization LayerNormalization
    LeakyReLU MaxPooling2D Maximum Minimum Multiply Normalization PReLU Permute ReLU Rescaling Reshape Resizing
    SeparableConv2D Softmax Subtract UpSampling2D ZeroPadding2D
    """
)
"""Classes of `keras.layers` that are built anew under the same name."""

IDENTITY = _words(
    """
    ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise Identity RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomElasticTransform RandomErasing RandomFlip
    RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom
    SpatialDropout2D op:identity
    """
)
"""Layers that act in training only. At inference they are the identity, and are left out."""

ALIASES = {
    "AvgPool2D": "AveragePooling2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
}
"""Other names of the same classes in files of different Keras versions."""

MODELS = ("Functional", "Model", "Sequential")

TENSORFLOW_OPS = {
    "__operators__.add": "add",
    "__operators__.getitem": "getitem",
    "cast": "cast",
    "compat.v1.nn.bias_add": "add",
    "concat": "concatenate",
    "identity": "identity",
    "math.add": "add",
    "math.divide": "divide",
    "math.multiply": "multiply",
    "math.reduce_max": "max",
    "math.reduce_mean": "mean",
    "math.sigmoid": "sigmoid",
    "math.subtract": "subtract",
    "math.truediv": "divide",
    "nn.bias_add": "add",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.sigmoid": "sigmoid",
    "nn.silu": "silu",
    "nn.softmax": "softmax",
    "nn.swish": "silu",
    "stop_gradient": "identity",
}
"""Functions that Keras 2 wraps as TFOpLambda or SlicingOpLambda, and their names in `OPERATIONS`."""

KERAS_OPS = {
    "Add": "add",
    "Cast": "cast",
    "Concatenate": "concatenate",
    "Divide": "divide",
    "GetItem": "getitem",
    "Max": "max",
    "Mean": "mean",
    "Multiply": "multiply",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softmax": "softmax",
    "Stack": "stack",
    "StopGradient": "identity",
    "Subtract": "subtract",
    "TrueDivide": "divide",
}
"""Operations of Keras 3, classes of `keras.src.ops`, and their names in `OPERATIONS`."""

ACTIVATIONS = _words(
    "elu exponential gelu leaky_relu linear relu relu6 selu sigmoid silu softmax softplus softsign swish tanh"
)
"""Functions of `keras.activations` that compute the same in Keras 2 and 3."""

ACTIVATIONS_OF_KERAS_3 = _words("celu hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid mish")
"""Functions that Keras 2 lacks or computes differently, such as hard_sigmoid."""

RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}
"""(class, Keras 2's option) to Keras 3's."""

IRRELEVANT = _words(
    """
    activity_regularizer autocast batch_input_shape batch_shape build_input_shape dtype fused input_dtype input_shape
    lora_alpha lora_rank momentum name renorm_clipping renorm_momentum rng_type seed synchronized trainable
    """
)
"""Options without effect at inference. Initializers, regularizers and constraints have none either.

`.keras` files hold a low-rank adapter merged into its kernel. `.h5` files hold it apart, and its weights are refused.
"""

UNUSED: dict[str, Any] = {"groups": 1, "renorm": False, "rms_scaling": False}
"""Options that Keras 3's layers lack, and the value at which they have no effect. For other options this is None."""

INTERPOLATIONS = _words("area bicubic bilinear lanczos3 lanczos5 nearest")
"""Interpolations that both Keras 2 and 3 have. Keras 3 builds a layer with another one, and fails when it computes."""

OPERATIONS: dict[str, dict[str, Any]] = {
    "add": {"data_format": "NHWC"},
    "cast": {"dtype": ANY},
    "concatenate": {"axis": ANY},
    "divide": {},
    "getitem": {},
    "max": {"axis": ANY, "keepdims": ANY},
    "mean": {"axis": ANY, "keepdims": ANY},
    "multiply": {},
    "silu": {"beta": 1.0},
    "softmax": {"axis": -1},
    "stack": {"axis": ANY},
    "subtract": {},
}
"""Options of operations: `ANY` where the value is read, else the only allowed value. For other options this is None."""
