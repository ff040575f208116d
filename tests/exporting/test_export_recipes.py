"""Recipes: data, checked before any work."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall import config_files
from edgeall.artifact import FORMATS
from edgeall.errors import UsageError
from edgeall.exporting import choose, load_recipe
from edgeall.exporting.recipes import Recipe, parse

INT8 = """
format = "onnx"
precision = "int8"
[calibration]
images = 10
method = "min-max"
[quantization]
granularity = "channel"
activations = "uint8"
weights = "int8"
[parity]
images = 10
mean_abs_diff = 0.02
"""


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_every_shipped_recipe_is_valid_and_named_after_what_it_makes() -> None:
    recipes = {name: load_recipe(name) for name in config_files.available("export")}
    assert {f"{f}-{p}" for f in FORMATS for p in ("fp32", "fp16", "int8")} <= set(recipes)
    for name, recipe in recipes.items():
        assert recipe.name == name
        assert name.startswith(recipe.format)


def test_defaults_come_in_the_order_asked_for() -> None:
    names = [recipe.name for recipe in choose(["onnx", "tflite"], ("float32", "int8"))]
    assert names == ["onnx-fp32", "onnx-int8", "tflite-fp32", "tflite-int8"]


def test_a_recipe_survives_its_own_document() -> None:
    for name in config_files.available("export"):
        recipe = load_recipe(name)
        assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_a_recipe_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, INT8.replace('"channel"', '"tensor"')))
    assert recipe.name == "mine"
    assert recipe.quantization is not None
    assert recipe.quantization.granularity == "tensor"


@pytest.mark.parametrize(
    ("was", "mistake", "complaint"),
    [
        ('"onnx"', '"onx"', "did you mean 'onnx'"),
        ('"int8"\n[cal', '"int4"\n[cal', "did you mean 'int8'"),
        ('"min-max"', '"minmax"', r"allowed: min-max, entropy, percentile"),
        ("images = 10\nmethod", "images = 0\nmethod", r"calibration.images: expected `int` >= 1"),
        ("images = 10\nmethod", "images = true\nmethod", r"calibration.images: expected `int`, got `bool`"),
        ('activations = "uint8"', 'activation = "uint8"', r"did you mean 'quantization\.activations'"),
        ('activations = "uint8"', 'activations = "int4"', "allowed: uint8, int8"),
        ("mean_abs_diff = 0.02", "mean_abs_diff = 2", r"parity.mean_abs_diff: expected `float` <= 1"),
        ("mean_abs_diff = 0.02", "", r"\[parity\] has no limit: give one of mean_abs_diff"),
        ('precision = "int8"', 'precision = "float32"', r"\[calibration\] is for"),
        ("[quantization]", "[quantisation]", "did you mean 'quantization'"),
        (
            'weights = "int8"',
            'weights = "int8"\nreduce_range = 1',
            r"quantization.reduce_range: expected `bool`",
        ),
        ("[parity]", "[parity", "cannot be read as TOML"),
        ('"int8"\n[cal', '"int8"\nname = "other"\n[cal', "name: the file's own name is the recipe's"),
        ('"int8"\n[cal', '"int8"\nfallbacks = ["mse"]\n[cal', "fallbacks: every INT8 method is compared"),
        ('activations = "uint8"', 'activations = "dynamic"', "allowed: uint8, int8"),
        ('weights = "int8"', 'weights = "int8"\nboundary = "int8"', "allowed: float32"),
        (
            "mean_abs_diff = 0.02",
            "mean_abs_diff = 0.02\nauc_fall = -1",
            r"parity.auc_fall: expected `float` >= 0",
        ),
        ("mean_abs_diff = 0.02", "auc_fall = 0.01", "auc_fall and auc_fall_bound belong together"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(
    tmp_path: Path, was: str, mistake: str, complaint: str
) -> None:
    assert was in INT8
    with pytest.raises(UsageError, match=complaint) as caught:
        load_recipe(written(tmp_path, INT8.replace(was, mistake)))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reduced_range_is_refused_where_nothing_saturates() -> None:
    document = load_recipe("tflite-int8").to_dict()
    document["quantization"]["reduce_range"] = True
    with pytest.raises(UsageError, match="tflite does not saturate"):
        Recipe.from_dict(document)


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"epochs": 0}, r"epochs: expected `int` >= 1"),
        ({"weight_bits": 9}, r"weight_bits: expected `int` <= 8"),
        ({"learning_rate": 0}, r"learning_rate: expected `float` >= 1e-09"),
        ({"rate": 1}, "unknown key 'fine_tuning.rate'"),
        (3, r"fine_tuning: expected `object.*, got `int`"),
    ],
)
def test_a_mistake_about_fine_tuning_is_named(section: object, complaint: str) -> None:
    document = load_recipe("onnx-int8").to_dict() | {"fine_tuning": section}
    with pytest.raises(UsageError, match=complaint):
        Recipe.from_dict(document)


def test_dynamic_activations_need_no_calibration() -> None:
    recipe = load_recipe("tflite-dynamic")
    assert (recipe.calibration, recipe.fine_tuning) == (None, None)
    document = recipe.to_dict() | {"calibration": {"images": 3, "method": "min-max"}}
    with pytest.raises(UsageError, match=r"\[calibration\] has nothing to do where activations"):
        Recipe.from_dict(document)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'tflite-int8'"):
        load_recipe("tflite-in8")
    with pytest.raises(UsageError, match="did you mean 'openvino'"):
        choose(["openvno"], ("float32",))


TOML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.sampled_from(
        ["format", "precision", "calibration", "quantization", "parity", "parity.images", "calibration.seed"]
    ),
    TOML_VALUES,
)
def test_any_value_anywhere_is_taken_or_refused_in_words(key: str, value: object) -> None:
    document = load_recipe("onnx-int8").to_dict()
    document.pop("name")
    section, _, inner = key.partition(".")
    if inner:
        document[section][inner] = value
    else:
        document[section] = value
    refused = None
    try:
        parse("wild", document)
    except UsageError as error:
        refused = str(error)
    assert refused is None or key.partition(".")[0] in refused or inner in refused or "section" in refused
