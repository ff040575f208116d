import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeall.cli.main import main
from edgeall.datasets import load_split, read_dataset, synthesize

SIZE = (160, 120)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(tmp_path_factory.mktemp("data") / "set", healthy=6, leukaemia=6, size=SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of two classes, five unlike pictures each."""
    root = tmp_path / "cells"
    for seed in range(10):
        path = root / ("blast" if seed < 5 else "other") / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC).save(path)
    return root


def test_synth_draws_a_set_and_says_what_it_is_worth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "set"
    asked = ["--seed", "3", "--healthy", "2", "--leukaemia", "1", "--size", "160x120"]
    assert main(["data", "synth", str(out), *asked]) == 0
    printed = capsys.readouterr().out
    assert "3 synthetic images (2 healthy, 1 ALL), layout ALL-IDB1 (synthetic)" in printed
    assert "no evidence about leukaemia" in printed
    assert len(list((out / "im").iterdir())) == 3


def test_synth_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["data", "synth", str(out), "--healthy=1", "--leukaemia=1", "--size=160x120", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "out": str(out),
        "layout": "ALL-IDB1 (synthetic)",
        "images": 2,
        "healthy": 1,
        "leukaemia": 1,
        "size": [160, 120],
        "seed": 0,
    }


def test_synth_draws_single_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["data", "synth", str(out), "--cells", "--healthy=1", "--leukaemia=2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["layout"], printed["images"], printed["size"]) == ("ALL-IDB2 (synthetic)", 3, [257, 257])
    assert len(list((out / "img").iterdir())) == 3


def test_synth_keeps_what_is_there_unless_told(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "synth", str(drawn)]) == 2
    assert "exists already: give another name, or --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["640", "640x", "x480", "-1x5", "640x480x3", "big"])
def test_synth_wants_a_size_it_can_read(
    tmp_path: Path, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["data", "synth", str(tmp_path / "x"), f"--size={size}"])
    assert ended.value.code == 2
    assert "WIDTHxHEIGHT" in capsys.readouterr().err


def test_check_prints_the_census_and_ends_well_on_a_sound_set(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(drawn)]) == 0
    printed = capsys.readouterr().out
    for text in ("ALL-IDB1 (synthetic)", "6 images, positive", "160 x 120 (12)", "JPEG (12)", "optimistic"):
        assert text in printed


def test_check_as_json_is_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(folder), "--json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["layout"] == "image folder"
    assert [entry["label"] for entry in document["classes"]] == ["other", "blast"]
    assert document["positive_guessed"]
    assert "guessed from names" in printed.err


def test_brackets_in_names_are_shown_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "blast").rename(folder / "[Malignant] Pre-B")
    root = folder.rename(folder.parent / "[red] cells")
    assert main(["data", "check", str(root)]) == 0
    assert main(["data", "split", str(root), "-o", str(root.parent / "s.json")]) == 0
    printed = capsys.readouterr().out
    assert "[red] cells" in printed
    assert printed.count("[Malignant] Pre-B") == 3  # class, note and column


def test_check_names_unreadable_files_and_ends_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "blast" / "bad.png").write_bytes(b"no image")
    assert main(["data", "check", str(folder)]) == 1
    assert "blast/bad.png: not an image that edgeall reads" in capsys.readouterr().out


def test_check_names_leaks_between_given_parts_and_ends_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "test"):
        for label in ("blast", "other"):
            (folder / part / label).mkdir(parents=True)
    for label, seeds in (("blast", range(5)), ("other", range(5, 10))):
        for seed in seeds:
            part = "test" if seed % 5 == 0 else "train"
            (folder / label / f"{seed}.png").rename(folder / part / label / f"{seed}.png")
    copy = folder / "test" / "blast" / "copy.jpg"
    Image.open(folder / "train" / "blast" / "1.png").save(copy)
    assert main(["data", "check", str(folder)]) == 1
    assert "picture test/blast/copy.jpg, train/blast/1.png in test and train" in capsys.readouterr().out
    assert main(["data", "split", str(folder), "-o", str(folder / "s.json")]) == 2
    assert "--resplit" in capsys.readouterr().err
    assert main(["data", "split", str(folder), "-o", str(folder / "s.json"), "--resplit"]) == 0


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "no such folder"),
        ([], "holds no images"),
        (["a/1.png"], "has one class only, 'a'"),
        (["1.png", "2.png"], "in no known layout"),
    ],
)
def test_check_of_what_cannot_serve_is_one_line_and_2(
    tmp_path: Path, names: list[str] | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    if names is not None:
        root.mkdir()
    for name in names or []:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    assert main(["data", "check", str(root)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_positive_is_validated_and_overrides_the_guess(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(folder), "--positive", "blasts"]) == 2
    assert "unknown class 'blasts': did you mean 'blast'?" in capsys.readouterr().err
    assert main(["data", "check", str(folder), "--positive", "other", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["positive"] for entry in document["classes"]] == [False, True]
    assert document["classes"][1]["label"] == "other"


def test_split_writes_a_file_that_training_can_load(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "split.json"
    command = ["data", "split", str(drawn), "-o", str(file)]
    assert main([*command, "--fractions", "0.5", "0", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert "split by image" in printed
    assert f"edgeall train {drawn} --split {file}" in printed
    split = load_split(file, read_dataset(drawn))
    assert (len(split.train), len(split.val), len(split.test)) == (6, 0, 6)
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--seed", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == str(file)
    assert document["unreadable"] == []
    assert len(document["val"]) == 2
    assert {key: document[key] for key in ("train", "val", "test", "grouped_by")} == json.loads(
        file.read_text()
    )


def test_split_names_what_it_left_out_and_ends_with_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other" / "bad.png").write_bytes(b"no image")
    assert main(["data", "split", str(folder), "-o", str(tmp_path / "s.json"), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["unreadable"][0]["name"] == "other/bad.png"
    assert "left out: other/bad.png" in printed.err


def test_split_of_too_few_images_says_which_class_and_leaves_no_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(5, 8):
        (folder / "other" / f"{seed}.png").unlink()
    assert main(["data", "split", str(folder), "-o", str(tmp_path / "s.json")]) == 2
    assert (
        "class 'other' has 2 different images, but train, val and test need one each"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "s.json").exists()


def test_real_cells_are_checked_and_split_by_subject(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "split.json"
    assert main(["data", "split", str(real_data / "cnmc"), "-o", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["grouped_by"] == "subject"
    subjects = [{member["subject"] for member in document[part]} for part in ("train", "val", "test")]
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == 8


def test_check_counts_and_names_what_is_no_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.txt").write_text("no image")
    (folder / "other" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    assert main(["data", "check", str(folder), "--json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["left_out"] == [{"name": "notes.txt", "reason": "not an image"}]
    assert "left out 1 (not an image): notes.txt" in document["notes"]
    (unreadable,) = document["unreadable"]
    assert unreadable["name"] == "other/phone.heic"
    assert unreadable["reason"].startswith("edgeall does not read HEIC: convert it to PNG")
    assert "left out 1 (not an image): notes.txt" in printed.err


def test_check_says_what_of_images_is_ignored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(folder.rglob("*.png"))
    with Image.open(path) as image:
        image.save(path, icc_profile=b"damaged")
    main(["data", "check", str(folder)])
    assert "its colour profile is damaged and ignored (1 images)" in capsys.readouterr().out
