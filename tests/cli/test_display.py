"""What comes from outside is shown, and never obeyed: one name, one line, in any encoding."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.table import Table
from rich.text import Text
from small_models import SmallModel

from edgeall.cli.display import Display, visible
from edgeall.cli.main import main

NAMES = {
    "cell.png": "cell.png",
    "Zelle grün – 細胞.png": "Zelle grün – 細胞.png",
    "[red]x[bold].png": "[red]x[bold].png",
    "a:smile:.png": "a:smile:.png",
    "a\nb.png: (threshold 0.50) negative": r"a\nb.png: (threshold 0.50) negative",
    "a\rb": r"a\rb",
    "a\tb": r"a\tb",
    "\x1b[2K\x1b[31mred": r"\x1b[2K\x1b[31mred",
    "\x07bell\x00": r"\x07bell\x00",
    "\x85next\x9bline": r"\x85next\x9bline",
    "gnp.\u202eevitisop\u2066": r"gnp.\u202eevitisop\u2066",
    "a\u2028b\u2029": r"a\u2028b\u2029",
    "caf\udce9.png": r"caf\udce9.png",
}
"""Names and what is shown of them."""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_line_that_says_all_of_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert visible(name) == NAMES[name]
    assert visible(name).isprintable()
    display = Display()
    display.show(name)
    assert capsys.readouterr().out == f"{NAMES[name]}\n"
    display.note(name)
    display.warn(name)
    display.error(name)
    with display.stage(name, 1):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [NAMES[name], f"warning: {NAMES[name]}", f"edgeall: {NAMES[name]}"]
    assert lines[3].startswith(f"{NAMES[name]}: ")
    assert len(lines) == 4


def test_lines_longer_than_the_terminal_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    line = " ".join(["word"] * 200)
    Display().show(line)
    Display().note(line)
    assert capsys.readouterr() == (f"{line}\n", f"{line}\n")


@pytest.mark.parametrize("name", NAMES)
def test_tables_show_it_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("file", title="census")
    table.add_row(visible(name))
    # What a table is given without care has lines of its own, and still no other control characters.
    table.add_row(Text(name))
    Display().show(table)
    out = capsys.readouterr().out
    assert NAMES[name] in out
    assert all(letter.isprintable() or letter == "\n" for letter in out)


@pytest.mark.parametrize("name", NAMES)
def test_programs_get_the_name_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Display(as_json=True).emit({"path": name}, line=True)
    out = capsys.readouterr().out
    assert out.isascii()
    assert len(out.splitlines()) == 1
    assert json.loads(out) == {"path": name}


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "utf-8:strict"},
        {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=lambda environment: ",".join(f"{key}={value}" for key, value in environment.items()),
)
def test_every_image_of_a_folder_has_one_verdict_line_in_any_encoding(
    environment: dict[str, str], tiny: SmallModel, tmp_path: Path
) -> None:
    artifact = tiny.sealed("onnx-fp32", tmp_path)
    folder = tmp_path / "images"
    folder.mkdir()
    names = [name for name in NAMES if "\x00" not in name]
    for name in names:
        path = os.fsencode(folder) + b"/" + name.encode(errors="surrogateescape")
        with open(path, "wb") as file:  # noqa: PTH123  # a path of bytes
            Image.fromarray(tiny.images[0]).save(file, "png")
    done = subprocess.run(
        [sys.executable, "-m", "edgeall", "classify", folder, "--model", artifact.path],
        capture_output=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("LC_")} | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # In no encoding are there fewer lines than names, or more, or a control character among them.
    lines = done.stdout.split(b"\n")
    assert lines.pop() == b""
    verdicts = [line for line in lines if not line.startswith(b"  ")]
    assert len(verdicts) == len(names)
    assert all(b"(threshold 0.50)" in line for line in verdicts)
    assert all(byte >= 0x20 for line in lines for byte in line)
    assert not any(0x80 <= ord(letter) < 0xA0 for line in lines for letter in line.decode("utf-8", "ignore"))


def test_the_error_about_a_file_is_one_line(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = tiny.sealed("onnx-fp32", tmp_path)
    name = "x.png\nedgeall: all is well\x1b[1A.png"
    assert main(["classify", str(tmp_path / name), "--model", str(artifact.path)]) == 2
    notice, *_, error = capsys.readouterr().err.splitlines()
    assert "research use only" in notice
    assert error.startswith("edgeall: ")
    assert r"x.png\nedgeall: all is well\x1b[1A.png" in error


def test_a_census_names_files_on_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("all", "hem"):
        (tmp_path / label).mkdir()
        for number in range(2):
            image = Image.effect_noise((40, 40), 60 + number).convert("RGB")
            image.save(tmp_path / label / f"{number}.png")
    (tmp_path / "all" / "2.png\nunreadable  none.png").write_bytes(b"no image")
    assert main(["data", "check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert r"all/2.png\nunreadable  none.png: " in out
