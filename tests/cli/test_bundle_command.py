"""`edgeall bundle`: what it refuses, before anything is fetched."""

import json
import os
from pathlib import Path

import pytest
from small_models import SmallModel

pytest.importorskip("cryptography", reason="kits are made on a workstation")

from edgeall.bundling import make_key
from edgeall.cli.main import main


@pytest.fixture
def no_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds nothing, and nothing is kept."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.mark.usefixtures("no_index")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--device", "rpi6"), "unknown device 'rpi6'"),
        (("--device", "rpi"), "name the kind of board, rpi4 or rpi5"),
        (("--device", "rpi5", "--python", "3.8"), "'3.8' is no version of Python from 3.11"),
        (("--device", "rpi5", "--key", "absent.key"), "absent.key: cannot be read"),
        (("--device", "rpi5"), "no wheels for Linux on aarch64 with Python 3.11 and glibc 2.36"),
        (("--device", "windows"), "no wheels for Windows on x86_64 with Python 3.13 ("),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tiny: SmallModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "in").mkdir()
    sealed = tiny.sealed("tflite-int8", tmp_path / "in")
    out = tmp_path / "kit.zip"
    assert main(["bundle", str(sealed.path), "-o", str(out), *arguments]) == 2
    printed, err = capsys.readouterr()
    assert printed == ""
    errors = [line for line in err.splitlines() if line.startswith("edgeall: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.usefixtures("no_index")
def test_a_key_that_is_no_key_is_refused_first(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, public, _ = make_key(tmp_path / "lab")
    sealed = tiny.sealed("tflite-int8", tmp_path)
    given = ["bundle", str(sealed.path), "--device", "rpi5", "-o", str(tmp_path / "kit.zip")]
    assert main([*given, "--key", str(public)]) == 2
    assert "sign with the file that ends with .key" in capsys.readouterr().err


@pytest.mark.usefixtures("cache")
def test_json_says_what_was_made(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = tiny.sealed("tflite-int8", tmp_path)
    out = tmp_path / "kit.zip"
    status = main(["bundle", str(sealed.path), "--device", "laptop", "-o", str(out), "--json"])
    printed, err = capsys.readouterr()
    if status and "no wheels" in err:
        pytest.skip("no package index can be reached")
    document = json.loads(printed)
    assert document["size_bytes"] == out.stat().st_size
    assert set(document) == {"path", "id", "device", "pythons", "size_bytes", "parts", "signed_by"}
    assert document["parts"]["wheels"] > 10_000_000
    assert document["signed_by"] is None


@pytest.mark.parametrize("command", [["bench", "x.tflite"], ["devices", "check"], ["devices", "provision"]])
def test_a_device_for_kits_alone_is_not_reached(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    sealed = tiny.sealed("tflite-int8", tmp_path)
    arguments = (
        [command[0], str(sealed.path), "--device", "windows"]
        if command[0] == "bench"
        else [*command, "windows"]
    )
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert (
        "device windows: nothing reaches it: carry a kit there (edgeall bundle ARTIFACT --device windows)"
        in err
    )
