"""A model file is a stranger's: nothing in it runs, and nothing in it leads elsewhere."""

import base64
import json
import marshal
import math
import shutil
import zipfile
import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras import layers

from edgeall.errors import EdgeallError, ModelError
from edgeall.importing import container, import_model
from edgeall.importing.graph import read_graph
from edgeall.importing.layer_weights import StoredWeights

FILES = Path(__file__).parent / "keras2"


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Sequential(
        [keras.Input((32, 32, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")]
    ).save(file)
    return file


def refused(file: Path, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        import_model(file, ["hem", "all"], preprocessing="raw", out=file.parent / "runs")
    assert "\n" not in str(caught.value)
    assert not (file.parent / "runs").exists() or not list((file.parent / "runs").iterdir())


def rewritten(source: Path, target: Path, change) -> Path:
    """A copy of a .keras file; `change` edits its entries by name."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target


def with_layer(entry: dict):
    """A change that puts a layer before the last one."""

    def change(entries: dict) -> None:
        config = json.loads(entries["config.json"])
        config["config"]["layers"].insert(1, entry)
        entries["config.json"] = json.dumps(config).encode()

    return change


def test_code_in_a_lambda_of_keras_2_is_refused_and_never_runs(tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    code = compile(f"__import__('pathlib').Path({str(mark)!r}).touch()", "evil", "exec")
    path = tmp_path / "outside.h5"
    shutil.copy(FILES / "outside.h5", path)
    with h5py.File(path, "r+") as stored:
        config = json.loads(stored.attrs["model_config"])
        function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
        config["config"]["layers"].insert(
            1,
            {
                "class_name": "Lambda",
                "config": {"name": "scale", "function": function, "function_type": "lambda"},
            },
        )
        stored.attrs["model_config"] = json.dumps(config)
    refused(path, "layer 'scale' is a Lambda.*never run")
    assert not mark.exists()


def test_code_in_a_lambda_of_keras_3_is_refused(tmp_path: Path) -> None:
    image = keras.Input((32, 32, 3))
    x = layers.Lambda(lambda x: x / 255, name="scale")(image)
    x = layers.Dense(1, "sigmoid")(layers.Flatten()(x))
    keras.Model(image, x).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "'scale' is a Lambda")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"class_name": "Attention2D", "module": None, "registered_name": "mine>Attention2D"}, "of the custom class"),
        ({"class_name": "Conv2D", "module": "os", "registered_name": None}, "of the custom class"),
        ({"class_name": "Conv2D", "module": "keras.layers", "registered_name": "mine>Conv2D"}, "of the custom class"),
        ({"class_name": "TFSMLayer", "module": "keras.layers"}, "TFSMLayer, which is none"),
        ({"class_name": "StringLookup", "module": "keras.layers"}, "StringLookup, which is none"),
        ({"class_name": "TorchModuleWrapper", "module": "keras.layers"}, "TorchModuleWrapper, which is none"),
        ({"class_name": "system", "module": "keras.src.ops.numpy"}, "operation 'system'"),
        (
            {
                "class_name": "Activation",
                "module": "keras.layers",
                "config": {
                    "name": "x",
                    "activation": {"class_name": "function", "config": "system", "module": "os"},
                },
            },
            "activation 'system'",
        ),
    ],
)  # fmt: skip
def test_anything_but_keras_own_plain_layers_is_refused(
    entry: dict, words: str, keras_file: Path, tmp_path: Path
) -> None:
    whole = {"config": {"name": "x"}} | entry
    refused(rewritten(keras_file, tmp_path / "m.keras", with_layer(whole)), words)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "assets/notes.txt", "config.json/x"])
def test_entries_that_a_plain_file_has_no_need_of_are_refused(
    name: str, keras_file: Path, tmp_path: Path
) -> None:
    refused(
        rewritten(keras_file, tmp_path / "m.keras", lambda entries: entries.update({name: b""})),
        "does not belong",
    )


def test_an_archive_that_claims_to_unpack_to_too_much_is_refused(
    keras_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.importing.container.MAX_CONFIG", 100)
    refused(rewritten(keras_file, tmp_path / "m.keras", lambda entries: None), "too many for a model")


def weights_with(keras_file: Path, tmp_path: Path, change) -> Path:
    def rewrite(entries: dict) -> None:
        inner = tmp_path / "weights.h5"
        inner.write_bytes(entries["model.weights.h5"])
        with h5py.File(inner, "r+") as stored:
            change(stored["layers/dense/vars"])
        entries["model.weights.h5"] = inner.read_bytes()

    return rewritten(keras_file, tmp_path / "m.keras", rewrite)


def test_weights_outside_of_the_file_are_refused(keras_file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(64))

    def external(group) -> None:
        del group["0"]
        group.create_dataset("0", (3, 1), "f4", external=[(str(secret), 0, 12)])

    def link(group) -> None:
        del group["0"]
        group["0"] = h5py.ExternalLink(str(secret), "/x")

    def virtual(group) -> None:
        del group["0"]
        layout = h5py.VirtualLayout((3, 1), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "x", (3, 1))
        group.create_virtual_dataset("0", layout)

    for change, words in ((external, "outside"), (link, "links elsewhere"), (virtual, "outside")):
        refused(weights_with(keras_file, tmp_path, change), words)


def test_weights_larger_than_any_model_are_refused_unread(keras_file: Path, tmp_path: Path) -> None:
    def huge(group) -> None:
        del group["0"]
        group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(1, 1 << 20))

    refused(weights_with(keras_file, tmp_path, huge), "more weights than edgeall imports")


def test_weights_that_are_not_finite_are_refused(keras_file: Path, tmp_path: Path) -> None:
    def spoil(group) -> None:
        group["0"][...] = np.nan

    refused(weights_with(keras_file, tmp_path, spoil), "not finite")


def test_weights_under_names_that_keras_does_not_write_are_refused(keras_file: Path, tmp_path: Path) -> None:
    def rename(group) -> None:
        group.move("0", "kernel")

    def nest(group) -> None:
        del group["0"]
        group.create_group("0")

    for change in (rename, nest):
        refused(weights_with(keras_file, tmp_path, change), "weights of layer 'dense.*' are damaged")


@pytest.mark.parametrize(
    ("version", "later"), [("3.9", True), ("2.15", False), ("\u00b2", False), ("9" * 5000, False)]
)
def test_a_version_that_is_no_number_is_none_of_keras_3(version: str, later: bool) -> None:
    assert (
        StoredWeights(container.Stored(Path("model.h5"), version, {}, None, by_class=False)).keras_3 is later
    )


def test_files_that_hold_no_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("not a model")
    refused(tmp_path / "text.keras", "neither a .keras nor an .h5")
    whole = (FILES / "smear.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.h5", "damaged")
    with h5py.File(tmp_path / "only.weights.h5", "w") as stored:
        stored["x"] = [1.0]
    refused(tmp_path / "only.weights.h5", "weights without the model")
    (tmp_path / "saved_model").mkdir()
    refused(tmp_path / "saved_model", "SavedModel")


DESCRIPTION = json.loads(h5py.File(FILES / "smear.h5").attrs["model_config"])


def places(node, path=()):
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


@example(("config", "layers", 4, "config", "layers", 7, "inbound_nodes", 0, 0, 1), math.inf)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(list(places(DESCRIPTION))[1:]),
    st.one_of(st.none(), st.integers(-3, 3), st.text(max_size=3), st.just([]), st.just({}), st.floats()),
)
def test_a_description_altered_anywhere_is_read_or_refused_with_one_line(path, value) -> None:
    config = json.loads(json.dumps(DESCRIPTION))
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    said = "model.h5: "
    try:
        read_graph(config, "model.h5")
    except EdgeallError as error:
        said = str(error)
    assert said.startswith("model.h5: ")
    assert "\n" not in said


@pytest.mark.parametrize("kind", [OverflowError, zlib.error, AttributeError, IndexError, RecursionError])
def test_whatever_a_library_says_of_a_damaged_file_is_one_line(
    kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise kind("too large\nto convert")

    (tmp_path / "model.keras").write_bytes(b"PK")
    monkeypatch.setattr(container, "_open", refuse)
    said = r"model\.keras: damaged, or not as Keras writes it \(too large\)$"
    with pytest.raises(ModelError, match=said), container.opened(tmp_path / "model.keras"):
        pass


def functional(name: str, layers: list[dict], output: str) -> dict:
    image = {
        "class_name": "InputLayer",
        "config": {"name": "image", "batch_shape": [None, 8, 8, 3]},
        "inbound_nodes": [],
    }
    config = {
        "name": name,
        "layers": [image, *layers],
        "input_layers": [["image", 0, 0]],
        "output_layers": [[output, 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def test_models_in_one_another_end_although_they_hold_no_layer() -> None:
    """Each model uses the one in it twice, so that twice as many are read at each level."""
    inner = functional("model", [], "image")
    for _ in range(17):
        uses = [[["image", 0, 0]], [["model", 1, 0]]]
        inner = functional("model", [inner | {"name": "model", "inbound_nodes": uses}], "model")
        inner["config"]["output_layers"] = [["model", 2, 0]]
    with pytest.raises(ModelError, match="reading them takes more than 100000 steps"):
        read_graph(inner, "model.keras")


def test_layers_in_the_reverse_of_their_order_end() -> None:
    count = 600
    layers = [
        {
            "class_name": "ReLU",
            "name": str(number),
            "config": {"name": str(number)},
            "inbound_nodes": [[[str(number - 1) if number else "image", 0, 0]]],
        }
        for number in reversed(range(count))
    ]
    with pytest.raises(ModelError, match="reading them takes more than 100000 steps"):
        read_graph(functional("model", layers, str(count - 1)), "model.keras")
    assert len(read_graph(functional("model", layers[::-1], str(count - 1)), "model.keras").steps) == count
