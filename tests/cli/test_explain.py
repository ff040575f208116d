"""`edgeall explain`: the verdict of `classify`, the map beside it, and what becomes of FILE."""

import json
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.cli.main import main


@pytest.fixture
def artifact(tiny: SmallModel, tmp_path: Path) -> Artifact:
    return tiny.sealed("tflite-int8", tmp_path)


@pytest.fixture
def picture(tiny: SmallModel, tmp_path: Path) -> Path:
    path = tmp_path / "cell.png"
    Image.fromarray(tiny.images[3]).resize((96, 96), Image.Resampling.BICUBIC).save(path)
    return path


def test_the_answer_is_that_of_classify(
    artifact: Artifact, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "map.png"
    status = main(["explain", str(picture), "--model", str(artifact.path), "--json", "-o", str(out)])
    explained = json.loads(capsys.readouterr().out)
    assert main(["classify", str(picture), "--model", str(artifact.path), "--json"]) == 0
    classified = json.loads(capsys.readouterr().out)
    assert {**explained, "ms": 0} == {**classified, "ms": 0, "map": explained["map"]}
    assert status == (0 if explained["map"]["explanation"] else 1)
    assert explained["map"]["file"] == str(out)
    with Image.open(out) as page:
        assert page.format == "PNG"
        assert max(page.size) < 1200


def test_text_says_what_was_measured(
    artifact: Artifact, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["explain", str(picture), "--model", str(artifact.path)])
    out, err = capsys.readouterr()
    assert out.startswith(f"{picture}: probability of label ")
    assert "without the tenth marked most important the log-odds change by " in out
    assert " inferences, " in out
    assert "research use only" in err


def test_a_refused_picture_has_no_map_unless_forced(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dark, out = tmp_path / "dark.png", tmp_path / "map.png"
    Image.new("RGB", (96, 96)).save(dark)
    command = ["explain", str(dark), "--model", str(artifact.path), "-o", str(out)]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert f"{dark}: refused: " in said
    assert "no map: the picture is refused" in said
    assert not out.exists()
    assert main([*command, "--force"]) == 1
    said = capsys.readouterr().out
    assert "not an explanation: " in said
    assert out.exists()


def test_a_file_is_replaced_only_when_told(
    artifact: Artifact, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "map.png"
    out.write_bytes(b"mine")
    command = ["explain", str(picture), "--model", str(artifact.path), "-o", str(out)]
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    main([*command, "--overwrite"])
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("output", "words"),
    [("map.jpg", "give a name that ends in .png"), ("cell.png", "is the picture that is explained")],
)
def test_a_file_that_cannot_be_meant_is_refused_first(
    picture: Path, tmp_path: Path, output: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "explain",
        str(picture),
        "--model",
        "absent.tflite",
        "--overwrite",
        "-o",
        str(tmp_path / output),
    ]
    assert main(command) == 2
    assert words in capsys.readouterr().err
