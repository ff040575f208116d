"""What an engine says it ran: the type it computed in, and what an INT8 artifact left in float."""

from pathlib import Path

import pytest
from small_models import FORMATS, SmallModel

from edgeall.runtimes import ExecutedPrecision, Operator, open_model
from edgeall.runtimes.precision import count, is_conversion, normalized, of_types


def executed(model: SmallModel, recipe: str) -> ExecutedPrecision:
    format, precision = model.kind(recipe)
    with open_model(model.files[recipe], format, model.pixels, precision=precision) as session:
        return session.executed_precision()


@pytest.mark.parametrize("format", FORMATS)
def test_a_float32_artifact_runs_in_float32(mobile: SmallModel, format: str) -> None:
    ran = executed(mobile, f"{format}-fp32")
    assert ran.dominant == "float32"
    assert set(ran.operators) == {"float32"}
    assert sum(ran.operators.values()) >= 52


@pytest.mark.parametrize("format", FORMATS)
def test_an_int8_artifact_runs_in_int8(tiny: SmallModel, mobile: SmallModel, format: str) -> None:
    assert executed(tiny, f"{format}-int8").float_operators == {}
    ran = executed(mobile, f"{format}-int8")
    assert ran.dominant == "int8"
    assert ran.operators["int8"] >= 53
    # OpenVINO computes a softmax over the few classes in float, whatever it is given.
    assert ran.float_operators == ({"Softmax": 1} if format == "openvino" else {})
    assert 1 <= ran.conversions <= 2


@pytest.mark.parametrize("format", FORMATS)
def test_float16_weights_do_not_pass_for_float16_arithmetic(tiny: SmallModel, format: str) -> None:
    """All three engines compute them in float32 on x86-64 CPUs, those with bfloat16 among them, and must say so."""
    assert executed(tiny, f"{format}-fp16").dominant == "float32"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("format", FORMATS)
def test_nothing_runs_in_bfloat16(mobile: SmallModel, tiny: SmallModel, format: str, precision: str) -> None:
    """Not on processors that have it either, where it is OpenVINO's default."""
    for model in (tiny, mobile):
        if f"{format}-{precision}" in model.files:
            assert "bfloat16" not in executed(model, f"{format}-{precision}").operators


def test_what_is_left_in_float_is_named(tiny: SmallModel, tmp_path: Path) -> None:
    """Only convolutions quantized: everything behind them computes in float."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = [tiny.pixels.apply(image[None]) for image in tiny.images]

        def get_next(self) -> dict[str, object] | None:
            return {"image": self.left.pop()} if self.left else None

    path = tmp_path / "half.onnx"
    quantize_static(
        tiny.files["onnx-fp32"],
        path,
        Images(),
        op_types_to_quantize=["Conv"],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    with open_model(path, "onnx", tiny.pixels, precision="int8") as session:
        ran = session.executed_precision()
    assert ran.dominant == "int8"
    assert ran.breakdown["QLinearConv"] == {"int8": 3}
    left = ran.float_operators
    assert any("Gemm" in kind for kind in left)
    assert left["GlobalAveragePool"] == 1
    assert "QuantizeLinear" not in left
    assert ran.conversions > 2


def test_int8_weights_under_float_activations_are_hybrid(tiny: SmallModel, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow")

    saved = tiny.files["tflite-fp32"].parent / "saved_model"
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path = tmp_path / "dynamic.tflite"
    path.write_bytes(converter.convert())
    with open_model(path, "tflite", tiny.pixels, precision="int8") as session:
        ran = session.executed_precision()
    assert ran.operators["hybrid"] >= 1
    assert ran.float_operators["CONV_2D"] == 3


def test_convolutions_and_matrix_products_decide_what_dominates() -> None:
    ran = count(
        [
            Operator("QLinearConv", "int8"),
            Operator("QLinearConv", "int8"),
            Operator("Conv", "float32"),
            *[Operator("Transpose", "float32")] * 9,
            *[Operator("QuantizeLinear", "float32", converts=True)] * 20,
        ]
    )
    assert ran.dominant == "int8"
    assert ran.operators == {"float32": 10, "int8": 2}
    assert ran.breakdown["QuantizeLinear"] == {"conversion": 20}
    assert ran.float_operators == {"Conv": 1, "Transpose": 9}
    assert ran.conversions == 20


def test_without_any_product_most_operators_decide_and_without_operators_nothing() -> None:
    assert (
        count([Operator("Add", "float32"), Operator("Mul", "int8"), Operator("Relu", "int8")]).dominant
        == "int8"
    )
    assert count([]) == ExecutedPrecision("unknown", {}, {})


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        (["uint8", "float", "uint8"], ["uint8"], "int8"),
        (["float32", "int8", "float32"], ["float32"], "hybrid"),
        (["int8", "int8", "int32"], ["int8"], "int8"),
        (["float", "int64"], ["float"], "float32"),
        (["int64"], ["int64"], "int64"),
        ([], ["float16"], "float16"),
        ([], [], "unknown"),
    ],
)
def test_types_of_tensors_tell_the_precision(inputs: list[str], outputs: list[str], expected: str) -> None:
    assert of_types(inputs, outputs) == expected


def test_names_of_types_and_conversions() -> None:
    assert [normalized(name) for name in ("f32", "I8", "u8", "BF16", "float16")] == [
        "float32",
        "int8",
        "int8",
        "bfloat16",
        "float16",
    ]
    assert is_conversion("DEQUANTIZE")
    assert is_conversion("Cast")
    assert not is_conversion("QLinearConv")
