"""The six backbones of the published comparison, as one table of data. Imports no engine.

Another backbone is another row. Counts are for 224 x 224 inputs; the tests check them against built models.
"""

from dataclasses import dataclass
from typing import Literal

from edgeall.pixels import PixelMapping
from edgeall.suggestions import unknown_name
from edgeall.training.heads import HEADS, Head

Preprocessing = Literal["tf", "caffe", "torch"]
Triple = tuple[float, float, float]

# Channel order, scale and offset of Keras' `imagenet_utils.preprocess_input` modes.
_MAPPINGS: dict[Preprocessing, tuple[Literal["RGB", "BGR"], Triple, Triple]] = {
    "tf": ("RGB", (1 / 127.5, 1 / 127.5, 1 / 127.5), (-1.0, -1.0, -1.0)),
    "caffe": ("BGR", (1.0, 1.0, 1.0), (-103.939, -116.779, -123.68)),
    "torch": (
        "RGB",
        (1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
        (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
    ),
}

FINE_TUNE = ("none", "upper", "all", "published", "scratch")
"""How deep fine-tuning reaches, besides the name of a layer: see `edgeall.training.TrainingSettings`."""


@dataclass(frozen=True)
class Backbone:
    """An ImageNet backbone without its top.

    Attributes:
        constructor: its name in `keras.applications`.
        input_size: height and width of the published comparison, pixels.
        least_size: smallest input the architecture allows.
        features: shape of its output at `input_size`.
        parameters: all of its parameters.
        statistics: BatchNorm moving averages among the parameters, which no optimizer trains.
        upper: the layer above which fine-tuning trains by default. All paths run through it.
        upper_weights: parameters above `upper`, without BatchNorm's.
        published: the part that the published comparison trained, beside the head.
        licence: of its ImageNet weights, as https://keras.io/api/applications states the origin.
    """

    name: str
    title: str
    constructor: str
    preprocessing: Preprocessing
    features: tuple[int, int, int]
    parameters: int
    statistics: int
    upper: str
    upper_weights: int
    published: Literal["all", "none"]
    licence: str
    input_size: int = 224
    least_size: int = 32

    def pixels(self, size: int | None = None) -> PixelMapping:
        """The published preprocessing, for inputs of `size` (default `input_size`)."""
        order, scale, offset = _MAPPINGS[self.preprocessing]
        return PixelMapping(size or self.input_size, order, scale, offset)

    def params(self, head: Head, outputs: int = 1) -> dict[str, int]:
        """Parameter counts with a head, unfrozen to the default depth: total, trainable, non_trainable."""
        depth = self.published if head.fine_tune == "published" else head.fine_tune
        # The published recipe trains BatchNorm's scale and shift as well. By default BatchNorm is frozen.
        unfrozen = {"none": 0, "upper": self.upper_weights, "all": self.parameters - self.statistics}[depth]
        in_head = head.parameters(self.features, outputs)
        total, trainable = self.parameters + in_head, unfrozen + in_head
        return {"total": total, "trainable": trainable, "non_trainable": total - trainable}


_VGG = "CC BY 4.0 (Visual Geometry Group, University of Oxford)"

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "vgg16", "VGG16", "VGG16", "caffe",
            (7, 7, 512), 14_714_688, 0, "block4_pool", 7_079_424, "all", _VGG,
        ),
        Backbone(
            "vgg19", "VGG19", "VGG19", "caffe",
            (7, 7, 512), 20_024_384, 0, "block4_pool", 9_439_232, "all", _VGG,
        ),
        Backbone(
            "resnet101v2", "ResNet101V2", "ResNet101V2", "tf",
            (7, 7, 2048), 42_626_560, 97_664, "conv4_block23_out", 14_950_400, "none",
            "BSD (Facebook AI Research)",
        ),
        Backbone(
            "densenet201", "DenseNet201", "DenseNet201", "torch",
            (7, 7, 1920), 18_321_984, 229_056, "pool4_pool", 6_881_280, "none",
            "BSD 3-Clause (DenseNet authors)",
        ),
        Backbone(
            "mobilenetv2", "MobileNetV2", "MobileNetV2", "tf",
            (7, 7, 1280), 2_257_984, 34_112, "block_12_add", 1_663_360, "all",
            "Apache-2.0 (Google)",
        ),
        Backbone(
            "inceptionv3", "InceptionV3", "InceptionV3", "tf",
            (5, 5, 2048), 21_802_784, 34_432, "mixed8", 11_108_352, "all",
            "Apache-2.0 (Google)", least_size=75,
        ),
    )
}  # fmt: skip
"""The backbones, by name."""


def find_backbone(name: str) -> Backbone:
    """Look up a backbone by its name, in any case.

    Raises:
        UsageError: unknown name; the message suggests the nearest.
    """
    try:
        return BACKBONES[name.lower()]
    except KeyError:
        raise unknown_name("backbone", name, BACKBONES) from None


def parameter_table() -> list[dict[str, object]]:
    """Every backbone with every head, as `edgeall backbones --json` prints it."""
    return [
        {
            "name": backbone.name,
            "head": head.name,
            "input_size": backbone.input_size,
            "preprocessing": backbone.preprocessing,
            "params": backbone.params(head),
            "licence": backbone.licence,
        }
        for backbone in BACKBONES.values()
        for head in HEADS.values()
    ]
