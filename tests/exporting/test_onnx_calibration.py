"""ONNX calibration goes image by image."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from edgeall.exporting import load_recipe
from edgeall.exporting.source_models import Sources
from edgeall.pixels import PixelMapping

SIZE, CHANNELS, LAYERS = 128, 16, 6
ACTIVATIONS = SIZE * SIZE * CHANNELS * 4 * LAYERS
"""Bytes of one image."""
MAPPING = PixelMapping(SIZE, "RGB", (1 / 128,) * 3, (-1.0,) * 3)

CONVERT = """
import json, resource, sys
from edgeall.exporting import onnx
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.source_models import Sources
from edgeall.pixels import PixelMapping
from pathlib import Path
folder = Path(sys.argv[1])
sources = Sources(folder, PixelMapping(**json.loads(sys.argv[3])))
onnx.convert(sources, Recipe.from_dict(json.loads(sys.argv[4])), folder / sys.argv[2], folder / "int8.onnx")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    nodes, weights, name, width = [], [], "planes", 3
    nodes.append(helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]))
    for layer in range(LAYERS):
        kernel = rng.normal(0, 0.1, (CHANNELS, width, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel{layer}"))
        nodes.append(helper.make_node("Conv", [name, f"kernel{layer}"], [f"conv{layer}"], pads=[1, 1, 1, 1]))
        name, width = f"conv{layer}", CHANNELS
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["pooled"]))
    graph = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, CHANNELS, 1, 1])],
        weights,
    )
    folder = tmp_path_factory.mktemp("sources")
    made = Sources(folder, MAPPING)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), made.onnx)
    for count in (4, 40):
        np.save(folder / f"{count}.npy", rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8))
    return made


def peak(sources: Sources, count: int, method: str) -> int:
    """Bytes that a process held at most, converting with `count` calibration images."""
    recipe = load_recipe("onnx-int8").to_dict()
    recipe["calibration"] |= {"method": method}
    words = [json.dumps(dataclasses.asdict(MAPPING)), json.dumps(recipe)]
    command = [sys.executable, "-c", CONVERT, str(sources.folder), f"{count}.npy", *words]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read from the resource module")
@pytest.mark.parametrize("method", ["min-max", "percentile", "entropy"])
def test_memory_does_not_grow_with_the_number_of_images(sources: Sources, method: str) -> None:
    grown = peak(sources, 40, method) - peak(sources, 4, method)
    assert grown < 36 * ACTIVATIONS / 4
