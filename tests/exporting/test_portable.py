"""`onnx-int8-portable`: a CPU without VNNI answers as one with it, in whatever program opens the file.

The other CPU is emulated. Where there is VNNI, sums of 8-bit products are exact 32-bit integers; so they are with ONNX
Runtime's optimizations off, when it computes the quantized graph in float32: whole numbers below 2^24. A CPU without
adds two products in 16 bits first, which overflow from 32767 on: 2 * 255 * 127 does, 2 * 255 * 64 does not.

The network is the worst for that: weights of one sign, as large as their scale allows, on bright pictures.
"""

from pathlib import Path

import numpy as np
import pytest

from edgeall import pixels
from edgeall.exporting import load_recipe, onnx
from edgeall.exporting.source_models import INPUT, OPSET, OUTPUT, Sources
from edgeall.runtimes.onnx_providers import saturates

SIZE, CHANNELS = 16, 32
PIXELS = pixels.PixelMapping(SIZE, "RGB", (1 / 255,) * 3, (0.0,) * 3)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Two convolutions and a sigmoid as float ONNX, whose scores spread over (0, 1); calibration images beside it."""
    made = Sources(tmp_path_factory.mktemp("bright"), PIXELS)
    write(made.onnx, gain=1.0, bias=0.0)
    np.save(made.folder / "calibration.npy", bright(24, seed=1))
    scores = answers(made.onnx, bright(24, seed=1), exact=True)
    logits = np.log(scores / (1 - scores))
    gain = 1.5 / logits.std()
    write(made.onnx, gain, -gain * logits.mean())
    return made


def test_portable_answers_are_those_of_exact_arithmetic(sources: Sources) -> None:
    model = quantized(sources, "onnx-int8-portable")
    images = bright(32, seed=2)
    here, exact = (answers(model, images, exact=exact) for exact in (False, True))
    assert np.ptp(exact) > 0.5, "a model that always says the same would hide any mistake"
    # Rounding: a code here and there is one step off, which the mean over the picture and its channels hides.
    assert np.abs(here - exact).max() < 0.01
    np.testing.assert_array_equal(here >= 0.5, exact >= 0.5)


def test_weights_of_all_8_bits_do_saturate_on_a_cpu_without_vnni(sources: Sources) -> None:
    """So that the test above tests something: the same network, by the recipe that is not portable."""
    if not saturates():
        pytest.skip("this CPU computes 8-bit products exactly (VNNI, or not x86-64): nothing saturates on it")
    model = quantized(sources, "onnx-int8")
    images = bright(32, seed=2)
    here, exact = (answers(model, images, exact=exact) for exact in (False, True))
    assert np.abs(here - exact).mean() > 0.05


@pytest.mark.parametrize(("recipe", "largest"), [("onnx-int8-portable", 64), ("onnx-int8", 127)])
def test_portable_weights_have_7_bits(sources: Sources, recipe: str, largest: int) -> None:
    import onnx as library

    graph = library.load(quantized(sources, recipe)).graph
    weights = [
        library.numpy_helper.to_array(each) for each in graph.initializer if each.name.endswith("_quantized")
    ]
    found = max(int(np.abs(each.astype(int)).max()) for each in weights if each.dtype == np.int8)
    assert found == largest


def bright(count: int, seed: int) -> np.ndarray:
    """Uint8 (count, SIZE, SIZE, 3), each of its own brightness, none dark."""
    rng = np.random.default_rng(seed)
    levels = rng.uniform(170, 250, (count, 1, 1, 1))
    return np.clip(rng.normal(levels, 4, (count, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


def quantized(sources: Sources, recipe: str) -> Path:
    out = sources.folder / f"{recipe}.onnx"
    if not out.exists():
        onnx.convert(sources, load_recipe(recipe), sources.folder / "calibration.npy", out)
    return out


def answers(model: Path, images: np.ndarray, *, exact: bool) -> np.ndarray:
    """Scores (n,) by ONNX Runtime as any program opens it, or in exact arithmetic."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if exact:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tensors = PIXELS.apply(images)
    return np.array([session.run([OUTPUT], {INPUT: each[None]})[0][0, 0] for each in tensors], np.float64)


def write(path: Path, gain: float, bias: float) -> None:
    import onnx as library
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)

    def positive(name: str, *shape: int) -> library.TensorProto:
        values = rng.uniform(0.9, 1.0, shape) / np.prod(shape[1:])
        return numpy_helper.from_array(values.astype(np.float32), name)

    constants = [
        positive("first", CHANNELS, 3, 3, 3),
        positive("second", CHANNELS, CHANNELS, 3, 3),
        numpy_helper.from_array(np.full((CHANNELS, 1), gain / CHANNELS, np.float32), "gain"),
        numpy_helper.from_array(np.full(1, bias, np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Transpose", [INPUT], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["a"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "gain", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, (1, SIZE, SIZE, 3))],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, (1, 1))],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    library.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
