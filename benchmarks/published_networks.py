"""The networks whose latencies on a Raspberry Pi are published: built from their layer tables, converted, and counted.

    make emulator
    python benchmarks/published_networks.py --folder DIR      # some minutes; DIR keeps the models and the counts

The weights are drawn: the instructions of an inference do not depend on them. Layers are those of torchvision's
and Keras's networks, and their numbers of parameters are checked against those that torchvision's documentation gives
(https://docs.pytorch.org/vision/stable/models.html; that of MobileNetV1 is Keras's own). TensorFlow's converter folds
batch normalization into the convolutions and quantizes with one scale a channel, as the publishers did. LiteRT runs the
models on an emulated Cortex-A72 and Cortex-A76 with one thread, and the second QEMU counts their instructions (see
`edgeall.targets.qemu_plugin`).
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.measuring.instructions import COUNTER
from edgeall.targets import emulated_sysfs, emulator, qemu_plugin
from edgeall.targets.profile import PROCESSORS

SIZE = 224
CLASSES = 1000
SEED = 20240101

CALIBRATION_IMAGES = 2

WHEELS = ("ai-edge-litert==2.3.0", "numpy==2.2.6")
PYTHON = "3.11"

_COUNT = """
import json, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from edgeall.measuring import instructions
# LiteRT's runs differ by 0.001%, and MobileNetV2's first from the next by 0.02%: one is enough, and what `counted` runs
# first does nothing. A large network takes minutes.
instructions.RUNS = 1
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
details = interpreter.get_input_details()[0]
image = np.random.default_rng(0).integers(-128, 128, details["shape"])
image = image.astype(np.int8) if details["dtype"] == np.int8 else (image / 128).astype(np.float32)
calls = []
def run(tensor):
    calls.append(tensor)
    if len(calls) == 1:
        return
    interpreter.set_tensor(details["index"], tensor)
    interpreter.invoke()
print(json.dumps(instructions.counted(run, [image])))
"""


PART = 32
"""Height of pictures for networks that take an emulator too long at 224: a seventh, which all strides divide."""

PI4_FLOAT, PI4_INT8 = ("cortex-a72", "float32"), ("cortex-a72", "int8")
PI5_FLOAT, PI5_INT8 = ("cortex-a76", "float32"), ("cortex-a76", "int8")


@dataclass(frozen=True)
class Network:
    """A network to be counted.

    Attributes:
        parameters: those that are trained, as documented.
        published: processors and precisions for which a latency is published.
        height: of the pictures that it is counted on. The count is multiplied by what they lack of 224: convolutions
            take as many instructions as their outputs have rows, but for the remainders of tiles, which are more.
    """

    name: str
    build: Callable[[int], Any]
    parameters: int
    published: tuple[tuple[str, str], ...]
    height: int = SIZE


def _conv(
    x: Any, filters: int, size: int = 1, stride: int = 1, *, normalize: bool = True, relu: bool = True
) -> Any:
    """A convolution padded by half its size on each side, as torchvision has it."""
    from keras import layers

    if size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(filters, size, stride, use_bias=not normalize)(x)
    if normalize:
        x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def _pool(x: Any, *, padded: bool) -> Any:
    """Maximum of 3 x 3, stride 2: padded by one, or over the edge where the size asks for it."""
    from keras import layers

    if padded:
        x = layers.ZeroPadding2D(1)(x)
    return layers.MaxPooling2D(3, 2, padding="valid" if padded else "same")(x)


def _classifier(x: Any) -> Any:
    from keras import layers

    return layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))


def squeezenet(height: int) -> Any:
    """SqueezeNet 1.0 (arXiv 1602.07360), without batch normalization."""
    import keras
    from keras import layers

    def fire(x: Any, squeeze: int, expand: int) -> Any:
        x = _conv(x, squeeze, normalize=False)
        return layers.Concatenate()([_conv(x, expand, normalize=False), _conv(x, expand, 3, normalize=False)])

    image = keras.Input((height, SIZE, 3))
    x = layers.ReLU()(layers.Conv2D(96, 7, 2)(image))
    x = layers.MaxPooling2D(3, 2)(x)
    for squeeze, expand in ((16, 64), (16, 64), (32, 128)):
        x = fire(x, squeeze, expand)
    x = _pool(x, padded=False)
    for squeeze, expand in ((32, 128), (48, 192), (48, 192), (64, 256)):
        x = fire(x, squeeze, expand)
    x = fire(layers.MaxPooling2D(3, 2)(x), 64, 256)
    return keras.Model(image, layers.GlobalAveragePooling2D()(_conv(x, CLASSES, normalize=False)))


def googlenet(height: int) -> Any:
    """GoogLeNet (arXiv 1409.4842) without its auxiliary classifiers; torchvision's has 3 x 3 in place of 5 x 5."""
    import keras
    from keras import layers

    def inception(x: Any, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> Any:
        return layers.Concatenate()(
            [
                _conv(x, one),
                _conv(_conv(x, three[0]), three[1], 3),
                _conv(_conv(x, five[0]), five[1], 3),
                _conv(layers.MaxPooling2D(3, 1, padding="same")(x), pool),
            ]
        )

    image = keras.Input((height, SIZE, 3))
    x = _pool(_conv(image, 64, 7, 2), padded=False)
    x = _pool(_conv(_conv(x, 64), 192, 3), padded=False)
    x = inception(x, 64, (96, 128), (16, 32), 32)
    x = inception(x, 128, (128, 192), (32, 96), 64)
    x = _pool(x, padded=False)
    x = inception(x, 192, (96, 208), (16, 48), 64)
    x = inception(x, 160, (112, 224), (24, 64), 64)
    x = inception(x, 128, (128, 256), (24, 64), 64)
    x = inception(x, 112, (144, 288), (32, 64), 64)
    x = inception(x, 256, (160, 320), (32, 128), 128)
    x = layers.MaxPooling2D(2, 2)(x)
    x = inception(x, 256, (160, 320), (32, 128), 128)
    x = inception(x, 384, (192, 384), (48, 128), 128)
    return keras.Model(image, _classifier(x))


def _resnet(block: Callable[[Any, int, int], Any], blocks: tuple[int, ...], height: int) -> Any:
    import keras

    image = keras.Input((height, SIZE, 3))
    x = _pool(_conv(image, 64, 7, 2), padded=True)
    for stage, count in enumerate(blocks):
        for number in range(count):
            x = block(x, 64 << stage, 2 if stage and not number else 1)
    return keras.Model(image, _classifier(x))


def _joined(x: Any, shortcut: Any, filters: int, stride: int) -> Any:
    from keras import layers

    if shortcut.shape[-1] != filters or stride > 1:
        shortcut = _conv(shortcut, filters, 1, stride, relu=False)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def resnet18(height: int) -> Any:
    """ResNet18 (arXiv 1512.03385)."""

    def block(x: Any, filters: int, stride: int) -> Any:
        y = _conv(_conv(x, filters, 3, stride), filters, 3, relu=False)
        return _joined(y, x, filters, stride)

    return _resnet(block, (2, 2, 2, 2), height)


def resnet50(height: int, wider: int = 1) -> Any:
    """ResNet50 with the stride in its 3 x 3 convolutions ("v1.5"); twice as wide within: Wide ResNet-50-2."""

    def block(x: Any, filters: int, stride: int) -> Any:
        y = _conv(_conv(x, filters * wider), filters * wider, 3, stride)
        return _joined(_conv(y, 4 * filters, relu=False), x, 4 * filters, stride)

    return _resnet(block, (3, 4, 6, 3), height)


def wide_resnet50(height: int) -> Any:
    """Wide ResNet-50-2 (arXiv 1605.07146)."""
    return resnet50(height, wider=2)


def mobilenet(name: str) -> Callable[[int], Any]:
    """MobileNetV1 (arXiv 1704.04861), V2 (1801.04381) or V3 (1905.02244), as Keras has them."""

    def build(height: int) -> Any:
        from keras import applications

        return getattr(applications, name)((height, SIZE, 3), weights=None, classifier_activation=None)

    return build


NETWORKS = (
    Network("MobileNetV1", mobilenet("MobileNet"), 4_231_976, (PI4_FLOAT, PI4_INT8)),
    Network("MobileNetV2", mobilenet("MobileNetV2"), 3_504_872, (PI4_FLOAT, PI4_INT8, PI5_FLOAT, PI5_INT8)),
    Network("MobileNetV3Small", mobilenet("MobileNetV3Small"), 2_542_856, (PI4_FLOAT,)),
    Network("MobileNetV3Large", mobilenet("MobileNetV3Large"), 5_483_032, (PI4_FLOAT,)),
    Network("SqueezeNet1.0", squeezenet, 1_248_424, (PI5_FLOAT, PI5_INT8)),
    Network("GoogLeNet", googlenet, 6_624_904, (PI5_FLOAT, PI5_INT8)),
    Network("ResNet18", resnet18, 11_689_512, (PI5_INT8,)),
    Network("ResNet50", resnet50, 25_557_032, (PI5_INT8,)),
    Network("WideResNet50-2", wide_resnet50, 68_883_240, (PI5_FLOAT, PI5_INT8), PART),
)


def convert(network: Network, precision: str, height: int, folder: Path) -> Path:
    """A network's model, made where it is missing.

    Raises:
        ValueError: the network does not have the documented number of parameters.
    """
    part = "" if height == SIZE else f"-{height}"
    path = folder / f"{network.name}-{precision}{part}.tflite"
    if not path.is_file():
        path.write_bytes(_converted(network, precision, height))
    return path


def _converted(network: Network, precision: str, height: int) -> bytes:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    model = network.build(height)
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    if parameters != network.parameters:
        raise ValueError(f"{network.name} has {parameters} parameters instead of {network.parameters}")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision == "int8":
        images = np.random.default_rng(SEED).normal(size=(CALIBRATION_IMAGES, 1, height, SIZE, 3))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image.astype(np.float32)] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def packages(folder: Path) -> Path:
    """LiteRT and NumPy for the emulated board, fetched by pip once."""
    place = folder / "packages"
    if not place.is_dir():
        fetched = folder / "packages.part"
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (36, 35, 34, 31, 28, 27, 17)]
        subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(fetched)),
                *(*platforms, "--only-binary=:all:", f"--python-version={PYTHON}", *WHEELS),
            ],
            check=True,
        )
        fetched.rename(place)
    return place


def counted(model: Path, cpu: str, folder: Path) -> list[int]:
    """Instructions of each of some inferences with one thread on an emulated processor.

    The board is put together as `edgeall.targets.emulator` does it, without a server before it.
    """
    base = emulator.folder()
    root, qemu, counter = base / "bookworm", base / "qemu/usr/bin/qemu-aarch64", base / "counter"
    prefix = qemu_plugin.command_prefix(counter, cpu)
    if prefix is None:
        raise SystemExit("the emulator's counter is not built: make emulator")
    system = folder / f"system-{cpu}"
    for name, text in emulated_sysfs.files(PROCESSORS[cpu], os.cpu_count() or 1).items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(f"{text}\n")
    show = [str(qemu), "-cpu", cpu, "-L", str(root), str(root / "bin/cat"), "/proc/cpuinfo"]
    cpuinfo = folder / f"cpuinfo-{cpu}"
    cpuinfo.write_bytes(subprocess.run(show, check=True, capture_output=True).stdout)  # noqa: S603
    places = (
        *("/dev", "/proc", f"{cpuinfo}:/proc/cpuinfo", f"{system}:/sys/devices/system"),
        *(f"{counter}:{qemu_plugin.ON_BOARD}", f"{packages(folder)}:/opt/packages"),
        *(
            f"{model.parent}:/opt/models",
            f"{Path(__file__).resolve().parents[1] / 'edgeall'}:/opt/edgeall/edgeall",
        ),
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        COUNTER: prefix,
        "PYTHONPATH": "/opt/packages:/opt/edgeall",
    }
    command = [
        *(shutil.which("proot") or "proot", "-q", f"{qemu} -cpu {cpu}", "-r", str(root)),
        *(word for place in places for word in ("-b", place)),
        *("-w", "/root", *shlex.split(prefix), "/usr/bin/python3", "-c", _COUNT, f"/opt/models/{model.name}"),
    ]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    runs: list[int] = json.loads(done.stdout.splitlines()[-1])
    return runs


def main() -> int:
    """Convert and count what is not counted yet; print every count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="keeps models and counts")
    parser.add_argument("--only", nargs="*", help="names of some networks")
    parser.add_argument("--part", action="store_true", help="count on pictures of 32 rows, and multiply by 7")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    models = folder / "models"
    models.mkdir(parents=True, exist_ok=True)
    kept = folder / "counts.json"
    counts: dict[str, list[int]] = json.loads(kept.read_text()) if kept.is_file() else {}
    for network in NETWORKS:
        if arguments.only and network.name not in arguments.only:
            continue
        height = PART if arguments.part else network.height
        for cpu, precision in network.published:
            name = f"{network.name} {precision} {cpu}" + ("" if height == SIZE else f" {height}")
            if name not in counts:
                counts[name] = counted(convert(network, precision, height, models), cpu, folder)
                kept.write_text(json.dumps(counts, indent=1))
            print(f"{name}: {counts[name][0] * SIZE / height / 1e6:.1f} million instructions", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
