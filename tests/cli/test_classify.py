"""`edgeall classify`: what it prints where, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact, Decision, Parity
from edgeall.cli.classify import NO_DOMAIN, NOT_TESTED, NOTICE
from edgeall.cli.main import main
from edgeall.golden.checkable import uncheckable


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("classify"))


@pytest.fixture
def image(tiny: SmallModel, tmp_path: Path) -> Path:
    path = tmp_path / "cell.png"
    Image.fromarray(tiny.images[1]).save(path)
    return path


@pytest.fixture(autouse=True)
def _no_model_of_the_user_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEALL_MODEL", raising=False)


def caveats(artifact: Artifact) -> list[str]:
    """What is said first of an artifact without test figures, domain and golden answers, as those of tests are."""
    return [NOTICE, NOT_TESTED, NO_DOMAIN, str(uncheckable(artifact))]


def test_people_read_a_verdict_and_what_it_is_not(
    artifact: Artifact, image: Path, tiny: SmallModel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(image), "--model", str(artifact.path)]) == 0
    out, err = capsys.readouterr()
    score = tiny.reference[1, 1]
    decision = "positive" if score >= 0.5 else "negative"
    assert out == f'{image}: probability of label "ALL" = {score:.2f} (threshold 0.50) {decision}\n'
    assert err.splitlines() == caveats(artifact)


def test_programs_read_one_json_object_a_line_and_nothing_else(
    artifact: Artifact, image: Path, tiny: SmallModel, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = str(image.parent / "absent.png")
    assert main(["classify", "--json", str(image), absent, str(image), "--model", str(artifact.path)]) == 1
    out, err = capsys.readouterr()
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert first["score"] == pytest.approx(tiny.reference[1, 1], abs=1e-5)
    assert second == {"path": absent, "error": second["error"]}
    assert "no such file" in second["error"].lower()
    assert {**first, "ms": 0} == {**third, "ms": 0}
    assert err.count(NOTICE) == 1
    assert second["error"] in err
    assert "1 unreadable" in err.splitlines()[-1]


def test_nothing_done_is_status_2(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    inputs = [str(tmp_path / "absent.png"), str(tmp_path / "empty")]
    assert main(["classify", *inputs, "--model", str(artifact.path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "2 inputs: 0 positive, 0 negative, 0 refer, 0 refused, 2 unreadable"


def test_an_unfit_image_is_refused_with_the_reasons(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (20, 20), (200, 190, 200)).save(blank)
    assert main(["classify", str(blank), "--model", str(artifact.path)]) == 1
    why = "smaller than the model's input: 20 x 20, not 32 x 32; nearly uniform: nothing to see"
    assert capsys.readouterr().out == f"{blank}: refused: {why}\n"
    assert main(["classify", str(blank), "--model", str(artifact.path), "--force"]) == 0
    out = capsys.readouterr().out
    assert 'probability of label "ALL"' in out
    assert out.endswith(f"\n  doubtful image: {why}\n")


def test_the_last_line_counts_the_answers(
    artifact: Artifact, image: Path, tmp_path: Path, tiny: SmallModel, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    Image.new("RGB", (20, 20), (200, 190, 200)).save(folder / "blank.png")
    (folder / "broken.png").write_bytes(b"no png")
    (folder / "notes.txt").write_text("no image")
    assert main(["classify", str(image), str(folder), "--model", str(artifact.path)]) == 1
    positive = tiny.reference[1, 1] >= 0.5
    verdicts = f"{int(positive)} positive, {int(not positive)} negative, 0 refer, 1 refused"
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"3 inputs: {verdicts}, 1 unreadable; 1 file left out"


def test_a_refusal_is_an_answer_even_if_all_are_refused(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (200, 200)).save(tmp_path / name)
    assert main(["classify", str(tmp_path), "--model", str(artifact.path), "--json"]) == 1
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["decision"] for each in documents] == ["refuse", "refuse"]


def test_verdicts_and_copies_are_written_beside_the_output(
    artifact: Artifact, image: Path, tmp_path: Path, tiny: SmallModel, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["classify", str(image), "--model", str(artifact.path), "--json"]
    places = ["-o", str(tmp_path / "verdicts.jsonl"), "--copy-to", str(tmp_path / "sorted")]
    assert main([*command, *places]) == 0
    assert (tmp_path / "verdicts.jsonl").read_text() == capsys.readouterr().out
    decision = "positive" if tiny.reference[1, 1] >= 0.5 else "negative"
    assert (tmp_path / "sorted" / decision / "cell.png").read_bytes() == image.read_bytes()
    assert main([*command, *places]) == 2
    assert "sorted is not empty: give another folder, or --overwrite" in capsys.readouterr().err
    assert main([*command, *places[:2]]) == 2
    assert "verdicts.jsonl exists already: give another name, or --overwrite" in capsys.readouterr().err
    assert main([*command, *places, "--overwrite"]) == 0


def test_an_interrupted_call_goes_on(
    artifact: Artifact,
    tiny: SmallModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from edgeall.runtimes import Session

    folder = tmp_path / "scans"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(tiny.images[index]).save(folder / f"{index}.png")
    command = [
        "classify",
        str(folder),
        "--model",
        str(artifact.path),
        "--json",
        "-o",
        str(tmp_path / "v.csv"),
    ]
    predict = Session.predict

    def interrupted_at_the_third(session: Session, images: np.ndarray) -> np.ndarray:
        if np.array_equal(images[0], tiny.images[2]):
            raise KeyboardInterrupt
        return predict(session, images)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "predict", interrupted_at_the_third)
        assert main(command) == 130
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 2
    assert not (tmp_path / "v.csv").exists()
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == first
    assert len(out.splitlines()) == 4
    assert "v.csv: goes on after 2 verdicts of an interrupted call" in err
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 5


def test_a_reader_that_goes_away_leaves_the_file_whole(
    artifact: Artifact, image: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "edgeall", "classify", *[str(image)] * 40, "--model", str(artifact.path)]
    with subprocess.Popen(
        [*command, "-o", str(tmp_path / "v.csv")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(120) == 0
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 41


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", ["--json", "--force"])
def test_a_full_disk_under_the_output_is_one_line(artifact: Artifact, image: Path, option: str) -> None:
    command = [sys.executable, "-m", "edgeall", "classify", str(image), option, "--model", str(artifact.path)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "edgeall: standard output: cannot be written (No space left"
    )
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_pictures_are_listed_ends_at_once(
    artifact: Artifact, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeall.field import Found, classify

    def interrupted_listing(names: object) -> Iterator[Found]:
        yield Found(str(image), image.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["edgeall.field.classify"], "find_images", interrupted_listing)
    with pytest.raises(KeyboardInterrupt):
        list(classify(artifact, [image]))


def test_several_positive_labels_are_named_together(
    mobile: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = mobile.sealed("onnx-fp32", tmp_path)
    Image.fromarray(mobile.images[1]).save(tmp_path / "cell.png")
    assert main(["classify", str(tmp_path / "cell.png"), "--model", str(sealed.path)]) == 0
    out = capsys.readouterr().out
    probabilities = mobile.reference[1]
    finding = (
        f'probability of labels "early" or "pre" = {probabilities[1:].sum():.2f} (threshold 0.60) positive'
    )
    assert finding in out
    label = mobile.decision.labels[1 + int(probabilities[1:].argmax())]
    assert f', label "{label}" = {probabilities[1:].max():.2f}' in out


def test_a_score_in_the_referral_band(
    tiny: SmallModel, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = Decision(("healthy", "ALL"), ("ALL",), 0.5, (0.0, 1.0))
    sealed = tiny.sealed("tflite-fp32", tmp_path, decision=decision)
    assert main(["classify", str(image), "--model", str(sealed.path)]) == 0
    assert capsys.readouterr().out.endswith(" refer\n")


@pytest.mark.parametrize(
    ("parity", "words"),
    [
        (Parity(50, 0.8, 0.4, 0.1, False), "FAILED on 50 images: decisions agree 80.0%"),
        (Parity(50, 0.8, 0.4, 0.1, False, reasons=("AUC falls",)), "AUC falls): do not rely on its verdicts"),
        (
            Parity(50, 0.8, 0.4, 0.1, None, reasons=("too few",), needed=200),
            "parity unproven on 50 images: too few; ",
        ),
        (None, "was not measured"),
    ],
)
def test_an_artifact_that_changes_answers_is_warned_of_each_time(
    tiny: SmallModel,
    image: Path,
    tmp_path: Path,
    parity: Parity | None,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed = tiny.sealed("tflite-fp32", tmp_path, parity=parity)
    for _ in range(2):
        assert main(["classify", str(image), "--model", str(sealed.path)]) == 0
        err = capsys.readouterr().err
        assert err.count("warning: ") == 1
        assert words in err


def test_the_only_artifact_here_is_the_model(
    tiny: SmallModel,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert main(["classify", str(image)]) == 2
    assert "no artifact in the current folder: give one with --model" in capsys.readouterr().err
    tiny.sealed("openvino-fp32", here)
    (here / "pom.xml").write_text("<project/>")
    assert main(["classify", str(image)]) == 0
    tiny.sealed("onnx-fp32", here, "second")
    capsys.readouterr()
    assert main(["classify", str(image)]) == 2
    assert "2 artifacts (model.xml, second.onnx)" in capsys.readouterr().err


def test_the_environment_names_the_model(
    artifact: Artifact,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EDGEALL_MODEL", str(artifact.path))
    assert main(["classify", str(image)]) == 0
    monkeypatch.setenv("EDGEALL_MODEL", str(tmp_path / "gone.tflite"))
    assert main(["classify", str(image)]) == 2
    assert "gone.tflite: no such file" in capsys.readouterr().err
    # What is said on the command line wins.
    assert main(["classify", str(image), "--model", str(artifact.path)]) == 0


def test_wrong_use_is_one_line_and_status_2(
    artifact: Artifact, image: Path, tiny: SmallModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(artifact.path)]
    bare = str(tiny.files["onnx-fp32"])
    for arguments in (
        [str(image), "--model", bare],
        [str(image), "--model", str(image)],
        [str(image), *model, "--threads", "0"],
        ["-", "-", *model],
    ):
        assert main(["classify", *arguments]) == 2
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if line.startswith(("edgeall: ", "warning: "))]
        assert out == ""
        assert len(lines) == 1
        assert lines[0].startswith("edgeall: ")


def test_standard_input(artifact: Artifact, image: Path, tiny: SmallModel) -> None:
    command = [sys.executable, "-m", "edgeall", "classify", "-", "--json", "--model", str(artifact.path)]
    done = subprocess.run(command, input=image.read_bytes(), capture_output=True, check=True)
    document = json.loads(done.stdout)
    assert document["path"] == "-"
    assert document["score"] == pytest.approx(tiny.reference[1, 1], abs=1e-5)


def test_classifying_imports_nothing_of_the_workstation(artifact: Artifact, image: Path) -> None:
    program = (
        "import json, sys; from edgeall.cli.main import main; "
        f"status = main(['classify', {str(image)!r}, '--json', '--model', {str(artifact.path)!r}]); "
        "print(json.dumps([status, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    heavy = {
        "tensorflow",
        "keras",
        "onnx",
        "onnxruntime",
        "openvino",
        "nncf",
        "sklearn",
        "scipy",
        "matplotlib",
    }
    assert not heavy & {name.partition(".")[0] for name in modules}
    rooms = {
        "edgeall.training",
        "edgeall.exporting",
        "edgeall.statistics",
        "edgeall.reporting",
        "edgeall.runs",
    }
    assert not rooms & set(modules)


FORMATS = {
    "a.jpg": "JPEG",
    "b.jfif": "JPEG",
    "c.tif": "PNG",
    "d.JPG": "WEBP",
    "e.HEIC": "AVIF",
    "f.jp2": "JPEG2000",
    "g": "BMP",
    "h.webp": "TIFF",
}


@pytest.fixture
def mixed(tiny: SmallModel, tmp_path: Path) -> Path:
    """Images of all kinds under right and wrong names, and files that are no images."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, format in FORMATS.items():
        Image.fromarray(tiny.images[0]).save(folder / name, format)
    for name in ("notes.txt", "labels.csv", "Thumbs.db", "model.tflite"):
        (folder / name).write_bytes(b"BM no image")
    (folder / ".DS_Store").write_bytes(b"hidden")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    return folder


def test_in_a_folder_every_image_is_classified_and_every_other_file_counted(
    artifact: Artifact, mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "--json", str(mixed), "--model", str(artifact.path)]) == 0
    out, err = capsys.readouterr()
    results = [json.loads(line) for line in out.splitlines()]
    assert [result["path"] for result in results] == [str(mixed / name) for name in FORMATS]
    assert all("label" in result and result["notes"] == [] for result in results)
    assert err.splitlines() == [
        *caveats(artifact),
        f"left out 1 (a link to a folder, which is not followed): {mixed / 'again'}",
        f"left out 4 (not an image): {mixed / 'Thumbs.db'}, {mixed / 'labels.csv'}, {mixed / 'model.tflite'} "
        "and 1 more",
        "8 inputs: 4 positive, 4 negative, 0 refer, 0 refused, 0 unreadable; 5 files left out",
    ]


def test_in_a_folder_a_picture_that_is_not_read_fails_by_name(
    artifact: Artifact, mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {
        "i.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "j.gif": b"GIF89a" + bytes(20),
        "k.png": b"",
        "l.svs": (mixed / "h.webp").read_bytes(),
        "m": b"GIF89a" + bytes(20),
    }
    for name, content in bad.items():
        (mixed / name).write_bytes(content)
    os.mkfifo(mixed / "n.jpg")
    os.mkfifo(mixed / "o")
    (mixed / "p.jpg").symlink_to(mixed / "nowhere.jpg")
    assert main(["classify", "--json", str(mixed), "--model", str(artifact.path)]) == 1
    out, err = capsys.readouterr()
    results = {Path(entry["path"]).name: entry for entry in map(json.loads, out.splitlines())}
    assert set(results) == {*FORMATS, *bad, "n.jpg", "p.jpg"}
    for name in {*bad, "n.jpg", "p.jpg"}:
        assert set(results[name]) == {"path", "error"}
        assert results[name]["error"].startswith(str(mixed / name))
        assert results[name]["error"] in err
    assert "15 inputs: " in err
    assert "7 unreadable; 6 files left out" in err
    assert "left out 5 (not an image): " in err


@pytest.mark.parametrize("name", ["pipe.jpg", "/dev/null"])
def test_what_is_no_regular_file_is_refused_not_waited_for(
    name: str, artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert main(["classify", str(tmp_path / name), "--model", str(artifact.path)]) == 2
    assert "not a regular file; name - for an image on standard input" in capsys.readouterr().err


def test_a_folder_without_images_says_what_else_it_holds(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "notes.txt").write_text("no image")
    assert main(["classify", str(tmp_path / "papers"), "--model", str(artifact.path)]) == 2
    assert "no images in this folder" in (err := capsys.readouterr().err)
    assert "left out 1 (not an image): notes.txt" in err


def test_what_of_a_file_is_ignored_is_said(
    artifact: Artifact, tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(tiny.images[0]).save(tmp_path / "a.png", icc_profile=b"damaged")
    assert main(["classify", str(tmp_path / "a.png"), "--model", str(artifact.path)]) == 0
    assert capsys.readouterr().out.endswith("\n  note: its colour profile is damaged and ignored\n")
