"""What is written now is in the newest sample: who adds a key, or raises a schema, adds a sample."""

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow", reason="trains and exports")

import tiny_journey
from make_samples import PICTURES, SAID, documents

from edgeall import artifact
from edgeall.cli.main import main

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.tar.xz"))
FREE = frozenset(
    {
        *("versions", "libraries", "executed_operators", "float_operators", "placement", "unreadable"),
        *("operators", "breakdown", "conversions", "recall_by_class", "probabilities"),
    }
)
"""Objects whose keys are names: of packages, operators, images, classes."""
OPTIONAL = frozenset({"p50", "p90", "p95", "error", "speed", "mean_abs_diff", "max_abs_diff"})
"""Keys that are there where there is something to say."""
Keys = dict[str, set[str]]
"""Of the objects at each place, as `results[].accuracy`."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(newest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a journey with this version."""
    place = tmp_path_factory.mktemp("fresh")
    with contextlib.chdir(place), tiny_journey.tiny_backbone():
        tiny_journey.train_cells()
        shutil.copytree(newest / "pictures", "pictures")
        recipes = ("--recipe", "onnx-fp32", "--recipe", "onnx-int8", "--int8-method", "ptq")
        tiny_journey.edgeall("export", "runs/cells", *recipes, statuses=(0, 1))
        tiny_journey.bench("runs/cells")
        tiny_journey.folds("cells", seed=0)
        tiny_journey.ensemble()
    return place


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest sample, unpacked."""
    place = tmp_path_factory.mktemp("newest")
    shutil.unpack_archive(SAMPLES[-1], place)
    return place


@pytest.mark.parametrize(
    "name",
    [
        *(
            "split.json",
            "runs/cells/run.json",
            "runs/cells/bench/laptop.json",
            "runs/cells/exports/manifest.json",
        ),
        *("runs/both/ensemble.json", "runs/cells.folds/pooled.json"),
    ],
)
def test_a_file_has_the_keys_of_the_sample(fresh: Path, newest: Path, name: str) -> None:
    compare(*([json.loads((place / name).read_text())] for place in (fresh, newest)))


def test_predictions_have_the_columns_of_the_sample(fresh: Path, newest: Path) -> None:
    header, sampled = (
        next(csv.reader(io.StringIO((place / "runs/cells/predictions.csv").read_text())))
        for place in (fresh, newest)
    )
    assert header == sampled


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "runs/cells/exports/cells_onnx-int8.onnx"],
        ["classify", *PICTURES, "--model", "runs/cells/exports/cells_onnx-int8.onnx"],
        ["report", "runs/cells/bench/laptop.json"],
        ["compare", "runs/cells", "runs/second", "runs/both"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_has_the_keys_of_the_sample(
    fresh: Path,
    newest: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(fresh)
    main([*words, "--json"])
    said = json.loads((newest / SAID).read_text())
    (then,) = (each["documents"] for each in said if each["words"] == [*words, "--json"])
    compare(documents(capsys.readouterr().out), then)


def test_every_schema_of_artifacts_has_a_sample(newest: Path) -> None:
    sampled = {artifact.read(path).metadata.schema for path in newest.glob("runs/*/exports/*.onnx")}
    assert sampled == set(range(1, artifact.SCHEMA + 1))


def compare(now: list[Any], then: list[Any]) -> None:
    """Objects at one place have the same keys, and `schema` the same number, in two lists of documents."""
    assert now
    found, sampled = keys(now), keys(then)
    for place in found.keys() & sampled.keys():
        written = found[place] - sampled[place]
        gone = sampled[place] - found[place] - OPTIONAL
        assert not written, f"in no sample, of {place}: {written}; add one (tests/stability/README.md)"
        assert not gone, f"no longer written, of {place}: {gone}"
    schemas = [{document["schema"] for document in each if "schema" in document} for each in (now, then)]
    assert schemas[0] <= schemas[1], "a schema without a sample; add one (tests/stability/README.md)"


def keys(value: Any, place: str = "") -> Keys:
    """Keys of all objects in a JSON value, those in lists taken together."""
    found: Keys = {}
    if isinstance(value, dict):
        if place.rpartition(".")[2] in FREE:
            value = {"*": list(value.values())}
        found[place] = set(value)
        inner = [(each, f"{place}.{key}") for key, each in value.items()]
    elif isinstance(value, list):
        inner = [(each, f"{place}[]") for each in value]
    else:
        inner = []
    for each, name in inner:
        for where, names in keys(each, name).items():
            found[where] = found.get(where, set()) | names
    return found
