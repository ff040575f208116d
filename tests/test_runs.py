"""`run.json` of other versions: unknown keys are ignored, wrong types are refused in one line."""

import copy
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_run import draw, make_run

from edgeall import runs
from edgeall.errors import RunError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    folder = tmp_path_factory.mktemp("runs")
    draw(folder / "data", {"all": 3, "healthy": 3})
    made = make_run(folder / "run", folder / "data", subjects=True, test=2)
    calibration = {"method": "platt", "scale": 0.8, "offset": 0.1, "n": 2, "loss_before": 1.0}
    made = dataclasses.replace(
        made, calibration=calibration, settings={"rate": 1e-4}, versions={"keras": "3"}
    )
    runs.save(made)
    return made


def document_of(run: runs.Run) -> dict[str, Any]:
    return json.loads((run.path / "run.json").read_text())


def loaded(run: runs.Run, folder: Path, document: Any) -> runs.Run:
    (folder / "model.keras").write_bytes(b"")
    (folder / "run.json").write_text(json.dumps(document))
    return dataclasses.replace(runs.load(folder), path=run.path)


def test_unknown_keys_anywhere_are_ignored(run: runs.Run, tmp_path: Path) -> None:
    document = document_of(run) | {"later": [1]}
    for key in ("pixels", "decision", "data", "split", "calibration"):
        document[key] |= {"later": {"a": None}}
    document["split"]["train"][0]["later"] = True
    found = loaded(run, tmp_path, document)
    assert dataclasses.replace(found, calibration=run.calibration) == run


def places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if here:
        yield here
    inner = (
        value.items()
        if isinstance(value, dict)
        else list(enumerate(value))[:1]
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        yield from places(each, (*here, key))


def test_each_value_changed_to_another_type_is_read_as_it_is_or_refused_in_one_line(
    run: runs.Run, tmp_path: Path
) -> None:
    document = document_of(run)
    tried = 0
    for place in places(document):
        for value in (None, True, 1, -1, 0.5, "0.5", "a\0b", [], ["x"], {}, {"a": 1}, 10**400):
            changed = copy.deepcopy(document)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            tried += 1
            try:
                found = loaded(run, tmp_path, changed)
            except RunError as error:
                message = str(error)
                assert len(message.splitlines()) == 1, message
                continue
            runs.save(dataclasses.replace(found, path=tmp_path))
            kept: Any = json.loads((tmp_path / "run.json").read_text())
            for key in place:
                kept = kept[key]
            assert kept == value or isinstance(value, dict), (place, value)
    assert tried > 400


def test_a_run_of_a_later_edgeall_names_the_way_out(run: runs.Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run\.json: schema 2, this edgeall reads up to 1: update edgeall$"):
        loaded(run, tmp_path, document_of(run) | {"schema": 2})


def test_folds_are_the_runs_that_their_document_names(run: runs.Run, tmp_path: Path) -> None:
    place = tmp_path / "cells.folds"
    for name in ("fold-2", "fold-1", "other"):
        (place / name).mkdir(parents=True)
        loaded(run, place / name, document_of(run))
    assert not runs.is_folds(place)
    sound: dict[str, Any] = {"runs": ["fold-1", "fold-2"], "k": 2, "backbone": "mobilenetv2"}
    sound |= {"split": {"grouped_by": "image", "test": 9}}
    sound |= {"decision": {"labels": ["all", "healthy"], "positive": ["all"], "threshold": None}}
    (place / runs.POOLED).write_text(json.dumps(sound))
    assert runs.is_folds(place)
    assert [each.path.name for each in runs.of_folds(place)] == ["fold-1", "fold-2"]
    without_runs = {key: value for key, value in sound.items() if key != "runs"}
    others = ({"runs": []}, {"runs": ["fold-1", "fold-1"]}, {"runs": ["fold-1", "../fold-2"]}, {"k": 3})
    for wrong in (*(sound | other for other in others), without_runs, []):
        (place / runs.POOLED).write_text(json.dumps(wrong))
        with pytest.raises(RunError, match=r"pooled\.json: damaged .*; cross-validate again"):
            runs.of_folds(place)
    (place / runs.POOLED).write_text(json.dumps(sound | {"runs": ["fold-1", "fold-9"]}))
    with pytest.raises(RunError, match="fold-9: not a run"):
        runs.of_folds(place)


def test_a_run_is_named_by_its_folder_or_by_its_name_below_the_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    assert runs.folder_of("mine", tmp_path / "runs") == tmp_path / "runs" / "mine"
    assert runs.folder_of(tmp_path / "runs" / "mine", tmp_path / "runs") == tmp_path / "runs" / "mine"
    assert runs.folder_of("none", tmp_path / "runs") == Path("none")
