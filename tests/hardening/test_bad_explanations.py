"""`edgeall explain` with what it cannot explain: one clear line, status 2, no file, no escape sequence printed."""

import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.cli.main import main


@pytest.fixture
def model(tiny: SmallModel, tmp_path: Path) -> str:
    return str(tiny.sealed("tflite-int8", tmp_path).path)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one error line of a command that does nothing."""
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("edgeall: ")]
    return line


def test_bad_pictures(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = tmp_path / "sound.png"
    Image.new("RGB", (96, 96), "white").save(sound)
    contents = {
        "empty.png": b"",
        "text.png": b"not a picture",
        "cut.png": sound.read_bytes()[:60],
        "bell\a\x1b[31m.png": b"red",
    }
    out = tmp_path / "map.png"
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        refusal([str(tmp_path / name), "--model", model, "-o", str(out)], capsys)
    assert "No such file" in refusal([str(tmp_path / "absent.png"), "--model", model], capsys)
    assert "is a folder" in refusal([str(tmp_path), "--model", model], capsys)
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")
def test_a_fifo_is_not_waited_for(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    refusal([str(tmp_path / "pipe.png"), "--model", model], capsys)


def test_bad_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEALL_MODEL", raising=False)
    Image.new("RGB", (96, 96), "white").save("cell.png")
    Path("damaged.tflite").write_bytes(b"TFL3" * 9)
    assert "no such file" in refusal(["cell.png", "--model", "absent.tflite"], capsys)
    refusal(["cell.png", "--model", "damaged.tflite"], capsys)
    refusal(["cell.png"], capsys)


def test_bad_places(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "cell.png"
    Image.effect_noise((96, 96), 60).convert("RGB").save(picture)
    (tmp_path / "file").touch()
    for place in ("file/map.png", "n" * 300 + ".png"):
        refusal([str(picture), "--force", "--model", model, "-o", str(tmp_path / place)], capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell.png", "file", "model.tflite"]


def test_no_threads(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (96, 96), "white").save(tmp_path / "cell.png")
    assert "0 threads" in refusal([str(tmp_path / "cell.png"), "--model", model, "--threads", "0"], capsys)
