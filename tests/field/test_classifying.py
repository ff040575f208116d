"""Classifying: one engine, every input answered in its place, none able to stop the others."""

import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.errors import EngineError, UsageError
from edgeall.field import Classified, Classifier, Failed, Found, LeftOut, classify, find_images, verdict_of
from edgeall.field.session_pool import EngineClosed
from edgeall.runtimes import open_session


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("classify"))


@pytest.fixture(scope="module")
def pictures(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.png, b.JPG, deep/c.bmp, deep/er/d.tif; notes.txt, which is no image; hidden .hidden.png and .cache/e.png."""
    folder = tmp_path_factory.mktemp("pictures")
    names = ["a.png", "b.JPG", "deep/c.bmp", "deep/er/d.tif", ".hidden.png", ".cache/e.png"]
    for name, image in zip(names, tiny.images, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    (folder / "empty").mkdir()
    return folder


def paths(results: Iterator[object], root: Path) -> list[str]:
    return [Path(str(getattr(each, "path", each))).relative_to(root).as_posix() for each in results]


def test_a_folder_stands_for_all_images_below_it_by_name(pictures: Path) -> None:
    found = list(find_images([str(pictures)]))
    images = [each for each in found if isinstance(each, Found)]
    assert paths(iter(images), pictures) == ["a.png", "b.JPG", "deep/c.bmp", "deep/er/d.tif"]
    assert [each.name for each in images] == ["a.png", "b.JPG", "deep/c.bmp", "deep/er/d.tif"]
    assert [each for each in found if each not in images] == [LeftOut(pictures / "notes.txt", "not an image")]


def test_a_lack_of_memory_is_no_answer_on_a_picture(
    artifact: Artifact, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(MemoryError):
        list(classify(artifact, [pictures]))


def test_an_engine_that_is_closed_meanwhile_is_no_answer_on_a_picture(
    artifact: Artifact, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeall.field.session_pool.MOST_BYTES", 1)
    picture = Found("a.png", "a.png", (pictures / "a.png").read_bytes())
    classifier = Classifier(artifact)
    classifier.begin()
    with ThreadPoolExecutor() as executor, classifier.session():
        waiting = executor.submit(classifier.answer, picture)
        classifier.close()
        with pytest.raises(EngineClosed):
            waiting.result(60)


def test_inputs_keep_their_order_and_files_their_names(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a picture")))
    given = [str(pictures / "notes.txt"), str(pictures / "deep"), str(pictures / "a.png"), "-"]
    assert [found.path for found in find_images(given) if isinstance(found, Found)] == [
        str(pictures / "notes.txt"),
        str(pictures / "deep/c.bmp"),
        str(pictures / "deep/er/d.tif"),
        str(pictures / "a.png"),
        "-",
    ]


def test_verdicts_are_those_of_the_session_in_its_own_order(
    artifact: Artifact, tiny: SmallModel, pictures: Path
) -> None:
    # Lossless ones only: what a JPEG makes of an image is another image.
    results = list(classify(artifact, [pictures / "a.png", pictures / "deep"]))
    with open_session(artifact) as session:
        expected = [verdict_of(session.predict(tiny.images[[i]])[0], tiny.decision) for i in (0, 2, 3)]
    assert [result.verdict for result in results if isinstance(result, Classified)] == expected


def test_each_result_has_the_promised_keys(artifact: Artifact, pictures: Path) -> None:
    (result,) = classify(artifact, [pictures / "a.png"])
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert set(document) >= {"path", "label", "probability", "decision", "quality", "model", "ms"}
    assert document["path"] == str(pictures / "a.png")
    assert document["model"] == "model.tflite"
    assert document["label"] in ("healthy", "ALL")
    assert document["decision"] == ("positive" if document["score"] >= document["threshold"] else "negative")
    assert document["quality"] == {"ok": True, "reasons": []}
    assert document["ms"] > 0


def test_what_cannot_be_classified_is_named_in_its_place(
    artifact: Artifact, tmp_path: Path, pictures: Path
) -> None:
    (tmp_path / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:300])
    good = pictures / "a.png"
    inputs = [
        tmp_path / "absent.png",
        good,
        pictures / "notes.txt",
        tmp_path / "cut.png",
        pictures / "empty",
        good,
    ]
    results = list(classify(artifact, inputs))
    assert [type(result) for result in results] == [Failed, Classified, Failed, Failed, Failed, Classified]
    assert [result.path for result in results] == [str(path) for path in inputs]
    errors = [result.error for result in results if isinstance(result, Failed)]
    for error, word in zip(errors, ("no such file", "not an image", "cut.png", "no images"), strict=True):
        assert word in error.lower()
        assert "\n" not in error


def test_a_picture_that_fails_a_quality_check_is_refused_unless_forced(
    artifact: Artifact, tmp_path: Path
) -> None:
    Image.new("RGB", (20, 20), (200, 190, 200)).save(tmp_path / "blank.png")
    (refused,) = classify(artifact, [tmp_path / "blank.png"])
    assert isinstance(refused, Classified)
    assert (refused.decision, refused.verdict) == ("refuse", None)
    assert refused.doubts == (
        "smaller than the model's input: 20 x 20, not 32 x 32",
        "nearly uniform: nothing to see",
    )
    document = refused.to_dict()
    assert (document["decision"], document["label"], document["probability"]) == ("refuse", None, None)
    (forced,) = classify(artifact, [tmp_path / "blank.png"], force=True)
    assert isinstance(forced, Classified)
    assert forced.verdict is not None
    assert forced.decision in ("positive", "negative")
    assert forced.doubts == refused.doubts


@pytest.mark.parametrize("force", [False, True])
def test_an_answer_read_from_its_json_is_the_same(artifact: Artifact, pictures: Path, force: bool) -> None:
    Image.new("RGB", (20, 20), (200, 190, 200)).save(pictures.parent / "blank.png")
    for answer in classify(artifact, [pictures / "a.png", pictures.parent / "blank.png"], force=force):
        assert isinstance(answer, Classified)
        read = Classified.from_dict(json.loads(json.dumps(answer.to_dict())))
        assert read == dataclasses.replace(answer, ms=round(answer.ms, 3))


def test_standard_input_holds_one_image(
    artifact: Artifact, tiny: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(tiny.images[0]).save(buffer, "PNG")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(buffer.getvalue())))
    (result,) = classify(artifact, ["-"])
    assert isinstance(result, Classified)
    assert result.path == "-"
    with open_session(artifact) as session:
        assert result.verdict == verdict_of(session.predict(tiny.images[:1])[0], tiny.decision)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    (result,) = classify(artifact, ["-"])
    assert isinstance(result, Failed)
    assert "standard input is empty" in result.error


def test_wrong_use_is_told_before_anything_is_done(artifact: Artifact) -> None:
    with pytest.raises(UsageError, match="no image given"):
        list(classify(artifact, []))
    with pytest.raises(UsageError, match="once"):
        list(classify(artifact, ["-", "-"]))
    with pytest.raises(UsageError, match="threads"):
        list(classify(artifact, ["a.png"], threads=0))


def test_an_artifact_that_is_not_what_it_says_is_an_error_not_a_verdict(
    tiny: SmallModel, mobile: SmallModel, tmp_path: Path, pictures: Path
) -> None:
    lying = tiny.sealed("onnx-fp32", tmp_path, decision=mobile.decision)
    with pytest.raises(EngineError, match="not 3 classes"):
        list(classify(lying, [pictures / "a.png"]))


def test_three_classes_add_up_to_a_finding(mobile: SmallModel, tmp_path: Path) -> None:
    sealed = mobile.sealed("onnx-fp32", tmp_path)
    Image.fromarray(mobile.images[1]).save(tmp_path / "one.png")
    (result,) = classify(sealed, [tmp_path / "one.png"])
    assert isinstance(result, Classified)
    assert result.verdict is not None
    assert result.verdict.score == pytest.approx(float(mobile.reference[1, 1:].sum()), abs=1e-3)
    assert result.verdict.label == mobile.decision.labels[1 + int(mobile.reference[1, 1:].argmax())]
    assert result.threshold == 0.6
