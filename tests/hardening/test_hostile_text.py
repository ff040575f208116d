"""Names from outside in all that edgeall writes for people: nothing is forged, nothing breaks, nothing is lost."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_documents import document, result
from hostile_names import NAMES, usable
from PIL import Image
from small_models import SmallModel

from edgeall.cli.main import main

yaml = pytest.importorskip("yaml", reason="workstation: cards write YAML too")

FRONT = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)
FENCED = re.compile(r"^```.*?^```\n", re.DOTALL | re.MULTILINE)
SHORT = [name for name in NAMES if len(name) < 200]


def short(name: str) -> str:
    return ascii(name)[:40]


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert "Traceback" not in said.err
    return said.err


def carded(
    tiny: SmallModel, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> dict[str, str] | None:
    """The cards of an artifact whose file, run, labels and device bear a name; None where it is refused."""
    (folder / "made").mkdir()
    # What is not printable is no label: `Decision` refuses it.
    labels = (f"a{name}", f"b{name}") if name.isprintable() else ("a", "b")
    plain = tiny.metadata("onnx-fp32").provenance
    made = tiny.sealed(
        "onnx-fp32",
        folder / "made",
        "plain",
        decision=replace(tiny.decision, labels=labels, positive=(labels[1],)),
        provenance=replace(plain, run=name, backbone=name, weights=name, data=name, licence=name),
    )
    path = made.path.with_name(f"{usable(name)}.onnx")
    made.path.rename(path)
    bench = document([result(name, format="onnx", sha256=made.sha256, wrong=[3], data=name, run=name)], name)
    (folder / "bench.json").write_text(json.dumps(bench))
    words = ["cards", f"{folder}/made/{path.name}", "--results", str(folder / "bench.json")]
    status = main([*words, "-o", str(folder / "cards")])
    said = shown(capsys)
    if status == 2:
        assert len([line for line in said.splitlines() if line.startswith("edgeall: ")]) == 1
        return None
    (place,) = (folder / "cards").iterdir()
    return {each.name: each.read_text(encoding="utf-8") for each in place.iterdir()}


@pytest.mark.parametrize("name", NAMES, ids=short)
def test_cards_say_a_name_and_nothing_more(
    name: str, tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = carded(tiny, tmp_path, name, capsys)
    if files is None:
        return
    for file, text in files.items():
        assert text.replace("\n", "").isprintable() or file.endswith(".json"), file
    plain = carded_plainly(tiny, tmp_path, capsys)
    head, body = FRONT.fullmatch(files["README.md"]).groups()  # type: ignore[union-attr]
    body = FENCED.sub("", body)
    metadata = yaml.safe_load(head)
    assert set(metadata) <= {"license", "pipeline_tag", "tags", "model-index"}
    assert metadata.get("license") != "other"
    assert "<script" not in body
    assert "](javascript" not in body
    assert "](file:" not in body
    # No headings, tables or lists that a name has begun.
    for file in ("README.md", *(each for each in files if each.endswith(".md"))):
        assert outline(files[file]) == outline(plain[file]), file
    bom = json.loads(files["bom.cdx.json"])
    assert bom["bomFormat"] == "CycloneDX"


def carded_plainly(tiny: SmallModel, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The cards of one with a name that is a word."""
    place = folder / "plain"
    place.mkdir()
    made = carded(tiny, place, "word", capsys)
    assert made is not None
    return made


def outline(text: str) -> list[str]:
    """Its headings, rows of tables with their numbers of cells, and blocks of code, in order."""
    body = FENCED.sub("```\n", FRONT.sub(r"\2", text))
    return [
        line.split(" ")[0]
        if line.startswith("#")
        else f"|{line.count('|')}"
        if line.startswith("|")
        else line
        for line in body.splitlines()
        if line.startswith(("#", "|", "```"))
    ]


@pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="needs a Chromium"
)
def test_a_pdf_of_all_names_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        result(name, wrong=[3], artifact=f"runs/{name}", sha256=str(index), data=name, run=name)
        for index, name in enumerate(SHORT)
    ]
    (tmp_path / "foreign.json").write_text(json.dumps(document(results, SHORT[0])))
    out = tmp_path / "report.pdf"
    assert main(["report", str(tmp_path / "foreign.json"), "-o", str(out)]) == 0
    shown(capsys)
    content = out.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/JavaScript" not in content
    assert b"/Launch" not in content


@pytest.mark.parametrize("name", NAMES, ids=short)
def test_an_evaluation_has_labels_of_any_text(name: str, tmp_path: Path) -> None:
    from edgeall import evaluating
    from edgeall.artifact import Decision
    from edgeall.predictions import Predictions

    label = name if name.isprintable() else "word"
    decision = Decision((f"a{label}", label), (label,), 0.5)
    scores = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
    said = Predictions(
        tuple("abcdef"),
        (None,) * 6,
        np.array([0, 0, 0, 1, 1, 1]),
        np.stack([1 - scores, scores], axis=1),
        np.full(6, 0.5),
    )
    evaluating.write(tmp_path, name, decision, {"test": evaluating.evaluate(said, decision)}, notes=[name])
    page = next(tmp_path.rglob("*.md")).read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.replace("\n", "").isprintable()
    assert len([line for line in page.splitlines() if line.startswith("# ")]) == 1
    assert not [line for line in page.splitlines() if line.startswith(("Take this", "license"))]
    assert Image.open(next(tmp_path.rglob("confusion.png"))).size[0] > 100


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_verdicts_on_files_of_any_name_are_a_row_each(form: str, tiny: SmallModel, tmp_path: Path) -> None:
    made = tiny.sealed("onnx-fp32", tmp_path)
    folder = tmp_path / "images"
    folder.mkdir()
    names = [*(f"{usable(name)}.png".encode() for name in NAMES), b"caf\xe9.png", b"=\xff\xfe.png"]
    for name in names:
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:  # noqa: PTH123  # a path of bytes
            Image.fromarray(tiny.images[0]).save(file, "png")
    out = tmp_path / f"verdicts.{form}"
    done = subprocess.run(
        [sys.executable, "-m", "edgeall", "classify", ".", "--model", made.path, "-o", out],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert b"Traceback" not in done.stderr
    text = out.read_text(encoding="utf-8")
    if form == "jsonl":
        rows: list[Any] = [json.loads(line) for line in text.splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(text.splitlines()) == 1 + len(rows)
        assert text.replace("\n", "").isprintable()
        cells = [cell for row in rows for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r", "\n", "\uff1d"))]
    assert len(rows) == len(set(names))
    assert len({row["path"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", [name for name in NAMES if name.isprintable()], ids=short)
def test_what_an_artifact_says_of_itself_is_shown_on_lines_of_its_own(
    name: str, tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = (f"a{name}", f"b{name}")
    decision = replace(tiny.decision, labels=labels, positive=(labels[1],))
    made = tiny.sealed("onnx-fp32", tmp_path, decision=decision)
    picture = tmp_path / "a.png"
    Image.fromarray(tiny.images[0]).save(picture)
    for words in (["inspect", str(made.path)], ["classify", str(picture), "--model", str(made.path)]):
        assert main(words) in (0, 1, 2)
        shown(capsys)
