"""Whole fields: white cells found, cut out as the training images are, and classified one by one."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from drawn_smears import White, draw
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact, Domain
from edgeall.cells import cut_out, find_cells
from edgeall.cli.main import main
from edgeall.field import Classified, Failed, classify
from edgeall.field.field_answers import FieldAnswer
from edgeall.field.whole_fields import MARGIN, NO_RED_CELLS, NO_WHITE_CELLS, margin_of

WHITES = (White(160, 120), White(430, 140), White(300, 350))
SLACK = 6
"""Pixels that a box may be off."""


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("fields"))


@pytest.fixture
def field(tmp_path: Path) -> Path:
    path = tmp_path / "scans" / "field.png"
    path.parent.mkdir()
    Image.fromarray(draw(WHITES)).save(path)
    return path


def answer(artifact: Artifact, path: Path, **options: bool) -> FieldAnswer:
    (found,) = classify(artifact, [path], cells=True, **options)
    assert isinstance(found, FieldAnswer)
    return found


def test_each_white_cell_has_a_box_and_a_verdict(artifact: Artifact, field: Path) -> None:
    found = answer(artifact, field)
    assert found.size == (640, 480)
    assert len(found.cells) == len(WHITES)
    for cell, white in zip(found.cells, WHITES, strict=True):
        middle = ((cell.box.left + cell.box.right) / 2, (cell.box.top + cell.box.bottom) / 2)
        assert np.hypot(middle[0] - white.x, middle[1] - white.y) < SLACK
        assert abs(cell.box.width - 2 * white.radius) < 3 * SLACK
        assert cell.verdict is not None
    assert sum(found.counts.values()) == len(WHITES)


def test_a_cell_gets_the_verdict_of_its_cut_out_as_a_picture_of_its_own(
    artifact: Artifact, field: Path, tmp_path: Path
) -> None:
    pixels = draw(WHITES)
    for cell, own in zip(find_cells(pixels), answer(artifact, field).cells, strict=True):
        Image.fromarray(cut_out(pixels, cell, margin=MARGIN, on_black=False)).save(tmp_path / "cell.png")
        (single,) = classify(artifact, [tmp_path / "cell.png"])
        assert isinstance(single, Classified)
        assert single.verdict == own.verdict


def test_a_field_that_lies_on_its_side_has_boxes_as_it_is_seen(
    artifact: Artifact, field: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8  # stored rotated by a quarter, so that upright it is the field
    Image.open(field).rotate(-90, expand=True).save(tmp_path / "turned.png", exif=exif)
    turned = answer(artifact, tmp_path / "turned.png")
    assert turned.size == (640, 480)
    assert [cell.box for cell in turned.cells] == [cell.box for cell in answer(artifact, field).cells]


def test_a_field_without_white_cells_is_an_answer(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(draw(())).save(tmp_path / "red.png")
    assert answer(artifact, tmp_path / "red.png").cells == ()
    command = ["classify", str(tmp_path / "red.png"), "--cells", "--model", str(artifact.path)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    counts = "0 positive, 0 negative, 0 refer, 0 refused"
    assert out == f"{tmp_path / 'red.png'}: 0 white cells: {counts}\n  note: {NO_WHITE_CELLS}\n"
    assert err.splitlines()[-1] == f"1 input of whole fields: {counts}, 0 unreadable"


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((480, 640, 3), np.uint8), "nearly uniform: nothing to see"),
        (np.tile(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (480, 1, 3)), NO_RED_CELLS),
    ],
)
def test_what_is_no_field_is_refused_and_not_called_empty(
    artifact: Artifact, tmp_path: Path, picture: np.ndarray, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.png"
    Image.fromarray(picture).save(path)
    assert main(["classify", str(path), "--cells", "--model", str(artifact.path)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}: refused: ")
    assert reason in out
    assert "1 refused" in err.splitlines()[-1]
    found = answer(artifact, path)
    assert (found.refused, found.decisions, found.to_dict()["decision"]) == (True, ("refuse",), "refuse")
    assert FieldAnswer.from_dict(json.loads(json.dumps(found.to_dict()))) == dataclasses.replace(
        found, ms=round(found.ms, 3)
    )


def test_cells_unlike_the_training_images_are_refused_unless_forced(
    tiny: SmallModel, field: Path, tmp_path: Path
) -> None:
    # Training images on black, in which all was darker than these cells are.
    limits = {"black": (0.3, 0.7), "exposure": (-9.0, -5.0)}
    domain = Domain(100, 32, True, (90, 100, 110), (90, 100, 110), 0.01, None, limits)
    sealed = tiny.sealed("tflite-fp32", tmp_path, domain=domain)
    refused = answer(sealed, field)
    assert {cell.decision for cell in refused.cells} == {"refuse"}
    assert all("brighter than the training images" in cell.doubts for cell in refused.cells)
    forced = answer(sealed, field, force=True)
    assert "refuse" not in {cell.decision for cell in forced.cells}
    assert [cell.doubts for cell in forced.cells] == [cell.doubts for cell in refused.cells]


@pytest.mark.parametrize("black", [0.3, 0.5, 0.7])
def test_cells_for_a_model_of_cells_on_black_fill_as_much_as_its_training_images(black: float) -> None:
    pixels = draw(WHITES)
    domain = Domain(
        100, 32, True, (90, 100, 110), (90, 100, 110), 0.01, None, {"black": (black - 0.1, black + 0.1)}
    )
    for cell in find_cells(pixels):
        square = cut_out(pixels, cell, margin=margin_of(cell, domain), on_black=True)
        assert (square.max(axis=2) == 0).mean() == pytest.approx(black, abs=0.05)


@pytest.mark.parametrize("force", [False, True])
def test_an_answer_on_a_field_read_from_its_json_is_the_same(
    artifact: Artifact, field: Path, force: bool
) -> None:
    found = answer(artifact, field, force=force)
    read = FieldAnswer.from_dict(json.loads(json.dumps(found.to_dict())))
    assert read == dataclasses.replace(found, ms=round(found.ms, 3))


def test_what_is_no_image_fails_in_its_place(artifact: Artifact, field: Path) -> None:
    (field.parent / "a.png").write_bytes(b"no png")
    results = list(classify(artifact, [field.parent], cells=True))
    assert [type(result) for result in results] == [Failed, FieldAnswer]


def test_the_file_has_a_row_for_each_cell_and_the_picture_a_box(
    artifact: Artifact, field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["-o", str(tmp_path / "cells.csv"), "--boxes", str(tmp_path / "drawn"), "--by", "folder"]
    command = ["classify", str(field.parent), "--cells", "--json", "--model", str(artifact.path), *places]
    assert main(command) == 0
    document, group = map(json.loads, capsys.readouterr().out.splitlines())
    assert group["counts"] | {"left_out": 0} == document["counts"] | {"unreadable": 0, "left_out": 0}
    with (tmp_path / "cells.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["box"] for row in rows] == [" ".join(map(str, cell["box"])) for cell in document["cells"]]
    assert [row["decision"] for row in rows] == [cell["decision"] for cell in document["cells"]]
    with Image.open(tmp_path / "drawn" / "field.jpg") as drawn:
        assert drawn.size == (640, 480)
        difference = np.abs(np.asarray(drawn).astype(int) - draw(WHITES)).max(axis=2)
    left, top, right, _ = document["cells"][0]["box"]
    assert difference[top - 2 : top + 3, left:right].max() > 60
    assert np.median(difference) < 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cells", "--copy-to", "DIR"], "--copy-to needs single pictures; see --boxes"),
        (["--boxes", "DIR"], "--boxes draws the cells of whole fields: it needs --cells"),
    ],
)
def test_options_that_do_not_fit_together(
    artifact: Artifact,
    field: Path,
    tmp_path: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(tmp_path / "out") if word == "DIR" else word for word in options]
    assert main(["classify", str(field), "--model", str(artifact.path), *given]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
