"""Results from elsewhere, whose names try to be more than names, in every form of a report."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bench_documents import Document, document, result
from hostile_names import NAMES

from edgeall.cli.main import main

FORMS = ("html", "md", "csv", "json", "txt")


class _Live(HTMLParser):
    """What of a name a browser would run or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "onload" or (value or "").startswith(("javascript:", "file:")):
                self.found.append(f"{tag} {key}={value}")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script" and "alert(1)" in data:
            self.found.append(data)


def of_name(name: str) -> Document:
    made = document([result(name, wrong=[3], artifact=f"runs/{name}.tflite", data=name, run=name)])
    made["device"]["name"] = name
    return made


@pytest.fixture(params=NAMES, ids=lambda name: ascii(name)[:40])
def results(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    name = request.param
    made = of_name(name)
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(made))
    return name, path


@pytest.mark.parametrize("form", FORMS)
def test_a_name_stays_a_name(
    results: tuple[str, Path], form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = results
    out = tmp_path / f"report.{form}"
    status = main(["report", str(path), "-o", str(out)])
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()
    if status == 2:
        assert not out.exists()
        return
    text = out.read_text(encoding="utf-8")
    if form == "html":
        live = _Live()
        live.feed(text)
        assert live.found == []
        assert ">49<" not in text
    elif form == "csv":
        cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r", "\n", "\uff1d"))]
        assert text.replace("\n", "").isprintable()
    elif form == "json":
        assert json.loads(text)["benches"]
    else:
        lines = text.splitlines()
        assert not [line for line in lines if line.startswith("Take this: b.onnx")]
        assert text.replace("\n", "").isprintable(), [line for line in lines if not line.isprintable()]


@pytest.mark.parametrize(
    "words", [("report",), ("report", "--format", "markdown"), ("recommend",), ("recommend", "--json")]
)
def test_and_on_a_terminal(
    results: tuple[str, Path], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*words, str(results[1])])
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert not [line for line in said.out.splitlines() if line.startswith("Take this: b.onnx")]
