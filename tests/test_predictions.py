"""`predictions.csv`: what is written is what is read, bit for bit; damage is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from answered_run import make_answered_run
from hypothesis import given
from hypothesis import strategies as st

from edgeall import predictions
from edgeall.errors import RunError
from edgeall.predictions import Predictions
from edgeall.runs import Member, Split

LABELS = ("healthy", "early, pre", 'the "pro"')
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


def some(n: int = 3) -> Predictions:
    rng = np.random.default_rng(0)
    return Predictions(
        tuple(f"im/{index}.png" for index in range(n)),
        (None, "H1", "H2")[:n],
        np.arange(n) % 3,
        rng.dirichlet(np.ones(3), n),
        np.full(n, 1 / 3),
    )


ROWS = st.tuples(TEXT, st.none() | TEXT, st.integers(0, 2), st.floats(0, 1))


@given(st.lists(ROWS, min_size=1, unique_by=lambda row: row[0]))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]) -> None:
    path = tmp_path_factory.mktemp("written") / predictions.FILE
    said = Predictions(
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        np.array([row[2] for row in rows]),
        np.array([[row[3], 1 - row[3], 0.0] for row in rows]),
        np.array([row[3] for row in rows]),
    )
    predictions.write(path, {"val": said, "test": said}, LABELS)
    found = predictions.read(path, LABELS)
    assert list(found) == ["val", "test"]
    for part in found.values():
        assert (part.images, part.subjects) == (said.images, said.subjects)
        np.testing.assert_array_equal(part.truth, said.truth)
        np.testing.assert_array_equal(part.probabilities, said.probabilities)
        np.testing.assert_array_equal(part.thresholds, said.thresholds)


def test_subjects_serve_statistics_only_where_all_are_known() -> None:
    assert some().groups is None
    assert Predictions(("a",), ("H1",), np.zeros(1, int), np.ones((1, 1)), np.ones(1)).groups == ("H1",)


def test_joined_keeps_the_order() -> None:
    both = predictions.joined([some(3), some(2)])
    assert both.images == (*some(3).images, *some(2).images)
    assert both.probabilities.shape == (5, 3)


FIRST = ",".join(map(repr, some().probabilities[0].tolist()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("p:healthy", "p:benign"), "its columns are not"),
        (lambda text: text.rpartition(",")[0], "line 4 is damaged"),
        (lambda text: text.replace("test,im/1.png,H1,", "test,im/1.png,H1,what "), "line 3 is damaged"),
        (lambda text: text.replace("test,im/1.png", "tests,im/1.png"), "line 3 is damaged"),
        (lambda text: text.replace(repr(1 / 3), "nan"), "is not within 0 and 1"),
        (lambda text: text.replace(repr(1 / 3), "inf"), "is not within 0 and 1"),
        (lambda text: text.replace(repr(1 / 3), "-3"), "is not within 0 and 1"),
        (lambda text: text.replace(repr(1 / 3), "40"), "is not within 0 and 1"),
        (lambda text: text.replace(FIRST, "0.0,0.8,1.0"), "do not add up to 1"),
        (lambda text: text.replace(FIRST, "0.0,0.0,0.0"), "do not add up to 1"),
        (lambda text: text.replace("im/1.png", "im/0.png"), "an image is twice in its part test"),
        (lambda text: text + text.splitlines()[-1] + "\n", "an image is twice in its part test"),
        (lambda text: text.replace(repr(1 / 3), "much"), "damaged"),
        (lambda text: text.replace("H2", '"H2'), "line 4 is damaged"),
        (lambda text: text.replace("H1", "\udcff"), "damaged .*utf-8"),
        (lambda text: text.replace("H1", "x" * 200_000), "line 3 is damaged"),
        (lambda text: "", "its columns are not"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage, message: str) -> None:
    path = tmp_path / predictions.FILE
    predictions.write(path, {"test": some()}, LABELS)
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(RunError, match=message) as error:
        predictions.read(path, LABELS)
    assert len(str(error.value).splitlines()) == 1
    assert str(path) in str(error.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / predictions.FILE
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(RunError, match=r"damaged \(larger than 32 MiB\); train the run again") as error:
        predictions.read(path, LABELS)
    assert str(error.value).startswith(str(path))


def test_more_images_than_can_be_read_back_are_noticed_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = dataclasses.replace(some(1000), subjects=("H1",) * 1000)
    members = tuple(
        Member(name, "0" * 64, LABELS[truth], "H1")
        for name, truth in zip(said.images, said.truth, strict=True)
    )
    split = Split(members, (), (), "unknown")
    predictions.check_size(split, LABELS)
    path = tmp_path / predictions.FILE
    predictions.write(path, {"train": said}, LABELS)
    monkeypatch.setattr(predictions, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(ValueError, match="larger than"):
        predictions.check_size(split, LABELS)


def test_a_run_without_predictions_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="train the run again"):
        predictions.read(tmp_path / predictions.FILE, LABELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], "its test images are not those of the run .3, not 4; without all/"),
        (lambda lines: lines[:1], "its test images are not those of the run .0, not 4"),
        (
            lambda lines: [*lines, lines[1].replace("/", "/other")],
            "its test images are not those of the run .5, not 4; with hem/other",
        ),
        (lambda lines: [line.replace("test,", "val,") for line in lines], "its val images are not those"),
        (
            lambda lines: [line.replace(",0.25", ",0.75") for line in lines],
            "its threshold is not that of the run",
        ),
        (
            lambda lines: [lines[0], lines[1].replace(",hem,", ",all,"), *lines[2:]],
            "has another label or subject",
        ),
        (
            lambda lines: [lines[0], lines[1].replace(",0-0,", ",,"), *lines[2:]],
            "has another label or subject",
        ),
    ],
)
def test_predictions_are_of_the_runs_own_images(tmp_path: Path, change, message: str) -> None:
    run = make_answered_run(tmp_path / "run", negatives=2, positives=2, subjects=4, threshold=0.25)
    assert list(predictions.of_run(run)) == ["test"]
    path = run.path / predictions.FILE
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    with pytest.raises(RunError, match=message):
        predictions.of_run(run)
