"""Data sets and backbones that edgeall knows by name, with what to cite."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A published data set or network.

    Attributes:
        licence: of the images; "" for papers.
        url: of the publication; "" where edgeall names none.
    """

    title: str
    citation: str
    url: str = ""
    licence: str = ""


_ALL_IDB = Source(
    "ALL-IDB",
    "Labati, Piuri and Scotti, ALL-IDB: the acute lymphoblastic leukemia image database for image processing, "
    "ICIP 2011",
    licence="by request from its authors",
)
_VGG = Source(
    "VGG",
    "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015",
    "https://arxiv.org/abs/1409.1556",
)

DATA_SETS = {
    "C-NMC": Source(
        "C-NMC 2019",
        "Gupta and Gupta, C-NMC 2019, The Cancer Imaging Archive",
        "https://doi.org/10.7937/tcia.2019.dc64i46r",
        "CC BY 3.0",
    ),
    "ALL-IDB1": _ALL_IDB,
    "ALL-IDB2": _ALL_IDB,
    "Taleqani": Source(
        "Taleqani",
        "Ghaderzadeh et al., A fast and efficient CNN model for B-ALL diagnosis and its subtypes classification using "
        "peripheral blood smear images, 2022",
    ),
}
"""By the name of their layout in `edgeall.datasets`."""

BACKBONES = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "resnet101v2": Source(
        "ResNet V2",
        "He et al., Identity Mappings in Deep Residual Networks, ECCV 2016",
        "https://arxiv.org/abs/1603.05027",
    ),
    "densenet201": Source(
        "DenseNet",
        "Huang et al., Densely Connected Convolutional Networks, CVPR 2017",
        "https://arxiv.org/abs/1608.06993",
    ),
    "mobilenetv2": Source(
        "MobileNetV2",
        "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018",
        "https://arxiv.org/abs/1801.04381",
    ),
    "inceptionv3": Source(
        "Inception v3",
        "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016",
        "https://arxiv.org/abs/1512.00567",
    ),
}
"""By name, as in `edgeall backbones`."""
