"""The examples of docs/python-api.md run as they stand; those that train or convert are called with what they say."""

import re
from pathlib import Path
from unittest import mock

import pytest
from PIL import Image
from small_models import SmallModel

PAGE = Path(__file__).resolve().parent.parent / "docs" / "python-api.md"
EXAMPLES = {
    title: re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for title, text in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
}
RUN_HERE = ("Read an artifact", "Open a session and predict", "Classify a folder")
CALLED = {
    "Train": "edgeall.training.train",
    "Bring in a Keras model": "edgeall.importing.import_model",
    "Export": "edgeall.exporting.export_run",
}


def run(title: str) -> None:
    (code,) = EXAMPLES[title]
    exec(compile(code, f"{PAGE.name}: {title}", "exec"), {"__name__": "example"})


def test_every_example_is_tested() -> None:
    assert set(EXAMPLES) == {*RUN_HERE, *CALLED}


@pytest.mark.parametrize("title", RUN_HERE)
def test_an_example_of_the_field_tier_runs(
    title: str,
    tiny: SmallModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.sealed("tflite-int8", tmp_path)
    (tmp_path / "cells").mkdir()
    for place, image in zip(("cell.png", "cells/a.png", "cells/b.png"), tiny.images, strict=False):
        Image.fromarray(image).save(tmp_path / place)
    run(title)
    said = capsys.readouterr().out
    assert {
        "Read an artifact": "tflite int8 ",
        "Open a session and predict": "ai-edge-litert [",
        "Classify a folder": f"{Path('cells', 'b.png')} ",
    }[title] in said


@pytest.mark.parametrize("title", CALLED)
def test_an_example_of_the_workstation_calls_what_there_is(
    title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function itself is a stand-in that takes its arguments and no others; it trains and converts nothing."""
    pytest.importorskip("sklearn", reason="needs the workstation's packages")
    room, _, name = CALLED[title].rpartition(".")
    module = pytest.importorskip(room)
    stand_in = mock.create_autospec(getattr(module, name))
    monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr("edgeall.runs.load", lambda path: path)
    run(title)
    stand_in.assert_called_once()
