"""Artifacts of other versions and of other programs: unknown keys are ignored, wrong types are refused in one line."""

import copy
import hashlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_models import FORMATS, SmallModel

from edgeall import artifact
from edgeall.artifact import (
    Calibration,
    ClassTest,
    Decision,
    Metadata,
    Parity,
    PersonCut,
    Provenance,
    Share,
    TensorInfo,
    Tensors,
    usage,
)
from edgeall.artifact.containers import container_of
from edgeall.cli.main import main
from edgeall.errors import ArtifactError
from edgeall.pixels import FILTERS, FITS, PixelMapping

Place = tuple[str | int, ...]

FULL = Metadata(
    "onnx",
    "int8",
    PixelMapping(32, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3, "crop", "lanczos"),
    Decision(("healthy", "ALL"), ("ALL",), 0.5, (0.25, 0.75)),
    Provenance(
        "run",
        "mobilenetv2",
        "gap",
        "random weights",
        "drawn",
        "0" * 64,
        "Apache-2.0",
        {"keras": "3"},
        "1" * 64,
    ),
    recipe={"name": "onnx-int8", "calibration": {"images": 100}},
    parity=Parity(40, 0.95, 0.2, 0.03, True, 0.01, -0.01, -0.02, 0.03),
    quantization={
        "method": "mse",
        "shared": "abc-mse",
        "fallbacks": [
            {
                "method": "min-max",
                "measured_in": "engine",
                "passed": False,
                "mean_abs_diff": 0.3,
                "seconds": 1.5,
            },
            {"method": "mse", "measured_in": "engine", "passed": True, "error": "none"},
        ],
    },
    calibration=Calibration("platt", 0.8, -0.125, 66),
    tensors=Tensors(
        TensorInfo("image", (1, 32, 32, 3), "int8", 0.0078125, -1), TensorInfo("out", (1, 1), "float32")
    ),
    test=artifact.TestFigures(
        of="the Keras model",
        grouped_by="subject",
        threshold=0.5,
        positive=ClassTest(Share(0.75, 0.5, 0.875), 12, 3),
        negative=ClassTest(Share(1.0), 8, 1),
        subjects=4,
        referred=Share(0.25, 0.125, 0.5),
    ),
    person_cut=PersonCut(0.25, 0.5, 8, 9, 10),
    no_person_cut="none is known",
)
"""Every part is there."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, 10**400),
    *("", "0.5", "ALL", "[/x]", "\ud800", "a\nb\x1b[2J", [], ["ALL"], [1], {}, {"a": 1}),
    json.loads("[" * 200 + "]" * 200),
)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Of every value in a document, those that hold others among them."""
    if here:
        yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*here, key))


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def changed(document: Any, place: Place, value: Any) -> Any:
    document = copy.deepcopy(document)
    at(document, place[:-1])[place[-1]] = value
    return document


def resealed(bare: Path, document: Any) -> Path:
    """The document in the file, with the checksum that belongs to it."""
    container = container_of(bare)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(f"{container.split(bare).payload}\n{canonical}".encode()).hexdigest()
    container.attach(bare, json.dumps(document | {"sha256": sha256}), ("healthy", "ALL"))
    return bare


def read_or_refused(path: Path) -> Metadata | None:
    """The metadata; None where they were refused in one line that names the file."""
    try:
        return artifact.read(path).metadata
    except ArtifactError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return None


def json_of(metadata: Metadata) -> Any:
    return json.loads(json.dumps(metadata.to_dict() | {usage.USAGE: usage.rule(metadata)}))


@pytest.mark.parametrize("format", FORMATS)
def test_unknown_keys_anywhere_are_ignored_and_covered_by_the_checksum(
    tiny: SmallModel, tmp_path: Path, format: str
) -> None:
    document = json_of(tiny.metadata(f"{format}-fp32"))
    more = document | {"sharpness": {"unit": ["px"]}}
    for key in ("pixels", "decision", "provenance", "parity"):
        more[key] |= {"of_a_later_version": [1, None]}
    path = resealed(tiny.copy(f"{format}-fp32", tmp_path), more)
    assert artifact.read(path).metadata == tiny.metadata(f"{format}-fp32")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"of_a_later", b"of_a_laxer", 1))
    with pytest.raises(ArtifactError):
        artifact.read(path)


@pytest.mark.parametrize(("fit", "filter"), list(itertools.product(FITS, FILTERS)))
def test_the_schema_is_the_lowest_that_understands_the_square(
    tiny: SmallModel, tmp_path: Path, fit: Any, filter: Any
) -> None:
    """Readers of schema 1 ignore `fit` and `filter`: they must not open what needs them."""
    pixels = PixelMapping(32, "RGB", (1.0,) * 3, (0.0,) * 3, fit, filter)
    sealed = tiny.sealed("onnx-fp32", tmp_path, pixels=pixels)
    container = container_of(sealed.path)
    document = json.loads(container.split(sealed.path).text or "")
    assert document["schema"] == (1 if (fit, filter) == ("stretch", "bilinear") else 2)
    assert sealed.metadata.pixels == pixels


@pytest.mark.parametrize("schema", [0, -1, True, 1.0, "1", None, [1]])
def test_a_schema_that_is_none_is_refused(tiny: SmallModel, tmp_path: Path, schema: Any) -> None:
    document = json_of(tiny.metadata("onnx-fp32")) | {"schema": schema}
    with pytest.raises(ArtifactError):
        artifact.read(resealed(tiny.copy("onnx-fp32", tmp_path), document))


def test_a_document_without_a_schema_is_refused(tiny: SmallModel) -> None:
    document = json_of(tiny.metadata("onnx-fp32"))
    del document["schema"]
    with pytest.raises(ArtifactError, match="schema: missing"):
        Metadata.from_dict(document)


def test_each_value_changed_to_each_other_type_is_read_as_it_is_or_refused_in_one_line(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json_of(FULL)
    picture = tmp_path / "picture.png"
    Image.fromarray(np.full((40, 40, 3), 128, np.uint8)).save(picture)
    tried = read = 0
    for number, (place, value) in enumerate(itertools.product(places(document), VALUES)):
        path = resealed(tiny.copy("onnx-fp32", tmp_path, f"m{number % 2}"), changed(document, place, value))
        tried += 1
        metadata = read_or_refused(path)
        if metadata is None:
            continue
        read += 1
        if place[0] not in (usage.USAGE, "schema"):
            kept = at(json_of(metadata), place)
            # Unknown keys are ignored where an object was replaced by another.
            assert kept == value or isinstance(value, dict), (place, value)
        # Without its engine `inspect` shows all but the operators; loading it each time would take minutes.
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "onnxruntime", None)
            assert main(["inspect", str(path)]) == 0, (place, value)
            assert main(["inspect", str(path), "--json"]) == 0, (place, value)
        if place[0] in ("pixels", "decision", "tensors", "parity"):
            assert main(["classify", str(picture), "--model", str(path)]) in (0, 1, 2)
        out = capsys.readouterr().out
        assert "\x1b" not in out
    assert tried > 2000
    assert read > 300
