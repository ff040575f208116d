"""What makes an artifact another one: everything it is made from, judged on, made with, and says."""

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_run import draw, make_run

from edgeall import runs
from edgeall.artifact import Domain
from edgeall.exporting import cache_key, load_recipe
from edgeall.exporting.export_plan import Options, Task, plan
from edgeall.runs import Member, Run

Change = Callable[[Run], Run]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Versions are looked up once a process."""
    cache_key._version.cache_clear()
    yield
    cache_key._version.cache_clear()


@pytest.fixture
def small(tmp_path: Path) -> Run:
    draw(tmp_path / "data", {"all": 20, "healthy": 20})
    return make_run(tmp_path / "run", tmp_path / "data")


def tasks(run: Run) -> list[Task]:
    """Float, INT8."""
    return plan(run, [load_recipe("onnx-fp32"), load_recipe("onnx-int8")], Options())


def relabelled(part: str) -> Change:
    def change(run: Run) -> Run:
        first, *rest = run.split.part(part)
        other = next(label for label in run.decision.labels if label != first.label)
        members: tuple[Member, ...] = (dataclasses.replace(first, label=other), *rest)
        return dataclasses.replace(run, split=dataclasses.replace(run.split, **{part: members}))

    return change


def with_fact(name: str, value: object) -> Change:
    return lambda run: dataclasses.replace(run, **{name: value})  # type: ignore[arg-type]


def metrics(sensitivity: float = 0.75) -> dict[str, Any]:
    """Of the test images of `small`."""
    share = {"value": sensitivity, "low": 0.3, "high": 0.95}
    return {
        "n": 12,
        "clusters": None,
        "threshold": 0.5,
        "confusion": {"tn": 4, "fp": 2, "fn": 1, "tp": 5},
        "sensitivity": share,
        "specificity": share,
    }


FACTS: dict[str, Change] = {
    "licence": with_fact("licence", "another"),
    "weights": with_fact("weights", "other words"),
    "head": with_fact("head", "another"),
    "calibration": with_fact("calibration", {"method": "none", "scale": 1.0, "offset": 0.0, "n": 3}),
    "versions": with_fact("versions", {"keras": "0"}),
    "test figures": with_fact("metrics", {"test": metrics()}),
    "decision for a person": with_fact("metrics", {"val": {"person_cut": {"cut": None, "reason": "few"}}}),
    "kind of split": lambda run: dataclasses.replace(
        run, split=dataclasses.replace(run.split, grouped_by="unknown")
    ),
    "domain": with_fact(
        "domain", Domain(20, 32, True, (9, 9, 9), (9, 9, 9), 0.0, None, {"edge": (0.0, 0.1)})
    ),
    "data": lambda run: dataclasses.replace(run, data=dataclasses.replace(run.data, fingerprint="1" * 64)),
}


@pytest.mark.parametrize("fact", FACTS)
def test_what_an_artifact_says_of_its_run(small: Run, fact: str) -> None:
    """Makes another artifact, but of the same shared model."""
    before, after = tasks(small), tasks(FACTS[fact](small))
    assert all(old.inputs != new.inputs for old, new in zip(before, after, strict=True))
    assert before[1].shared == after[1].shared


def test_other_test_figures(small: Run) -> None:
    before, after = (
        tasks(with_fact("metrics", {"test": metrics(sensitivity)})(small)) for sensitivity in (0.75, 0.8)
    )
    assert all(old.inputs != new.inputs for old, new in zip(before, after, strict=True))
    assert before[1].shared == after[1].shared


def test_people_of_validation_images(small: Run) -> None:
    members = tuple(dataclasses.replace(member, subject="one") for member in small.split.val)
    changed = dataclasses.replace(small, split=dataclasses.replace(small.split, val=members))
    assert all(old.inputs != new.inputs for old, new in zip(tasks(small), tasks(changed), strict=True))


def test_labels_of_validation_images(small: Run) -> None:
    before, after = tasks(small), tasks(relabelled("val")(small))
    assert all(old.inputs != new.inputs for old, new in zip(before, after, strict=True))
    assert before[1].shared != after[1].shared


def test_labels_of_training_images_concern_what_learns(small: Run) -> None:
    before, after = tasks(small), tasks(relabelled("train")(small))
    assert before[1].shared != after[1].shared
    assert before[1].inputs != after[1].inputs
    assert before[0].inputs == after[0].inputs


@pytest.mark.parametrize(
    ("package", "concerns"),
    [
        ("onnxruntime", ("onnx-fp32", "onnx-int8")),
        ("tf2onnx", ("onnx-fp32", "onnx-int8")),
        ("ai-edge-litert", ("tflite-fp32", "tflite-int8")),
        ("tensorflow", ("onnx-fp32", "onnx-int8", "tflite-fp32", "tflite-int8")),
        ("nncf", ()),
    ],
)
def test_another_version_of_a_converter_or_an_engine(
    small: Run, monkeypatch: pytest.MonkeyPatch, package: str, concerns: tuple[str, ...]
) -> None:
    recipes = [load_recipe(f"{format}-{kind}") for format in ("onnx", "tflite") for kind in ("fp32", "int8")]
    before = plan(small, recipes, Options())
    cache_key._version.cache_clear()
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "0.0.1" if name in (package, f"{package}-cpu") else version(name),
    )
    after = plan(small, recipes, Options())
    changed = {new.recipe.name for old, new in zip(before, after, strict=True) if old.inputs != new.inputs}
    assert changed == set(concerns)
    reached = any(old.shared != new.shared for old, new in zip(before, after, strict=True))
    assert reached == (package == "tensorflow")


def test_another_revision_of_what_edgeall_does(small: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tasks(small)
    monkeypatch.setattr(cache_key, "METHOD_REVISION", cache_key.METHOD_REVISION + 1)
    after = tasks(small)
    assert all(old.inputs != new.inputs for old, new in zip(before, after, strict=True))
    assert before[1].shared != after[1].shared


def test_formats_share_a_key_and_the_same_run_has_the_same(small: Run) -> None:
    three = plan(
        small, [load_recipe(f"{format}-int8") for format in ("tflite", "onnx", "openvino")], Options()
    )
    assert len({task.shared for task in three}) == 1
    again = tasks(runs.load(small.path))
    assert [task.inputs for task in again] == [task.inputs for task in tasks(small)]
