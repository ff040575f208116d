import json
from pathlib import Path
from typing import Any

import pytest
from pictures import MakeFolder, picture

from edgeall.datasets import Dataset, load_split, make_split, read_dataset, save_split
from edgeall.errors import DatasetError


@pytest.fixture
def dataset(make_folder: MakeFolder) -> Dataset:
    return read_dataset(make_folder(f"{label}/{i}.png" for label in "ab" for i in range(5)))


@pytest.fixture
def file(dataset: Dataset, tmp_path: Path) -> Path:
    path = tmp_path / "split.json"
    save_split(path, make_split(dataset)[0])
    return path


def edit(file: Path, change: Any) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_split_comes_back_as_it_was(dataset: Dataset, file: Path) -> None:
    assert load_split(file, dataset) == make_split(dataset)[0]


def test_the_file_reads_as_the_split_of_a_run(file: Path) -> None:
    document = json.loads(file.read_text())
    assert list(document) == ["train", "val", "test", "grouped_by"]
    assert list(document["test"][0]) == ["name", "sha256", "label", "subject"]


def test_it_is_json_whatever_the_file_is_called(dataset: Dataset, file: Path) -> None:
    assert load_split(file.rename(file.with_suffix(".toml")), dataset) == make_split(dataset)[0]


def test_the_folder_may_have_moved(dataset: Dataset, file: Path) -> None:
    moved = dataset.root.rename(dataset.root.parent / "moved")
    assert len(load_split(file, read_dataset(moved)).train) == 6


def test_a_changed_missing_or_relabelled_image_is_named(dataset: Dataset, file: Path) -> None:
    name = json.loads(file.read_text())["train"][0]["name"]
    path = dataset.root / name
    picture(77).save(path)
    with pytest.raises(DatasetError, match=f"{name} has changed since the split was made"):
        load_split(file, dataset)
    path.rename(dataset.root / "b" / "moved.png")
    with pytest.raises(DatasetError, match=f"{name} is not in "):
        load_split(file, read_dataset(dataset.root))
    edit(file, lambda document: document["train"][0].update(label="b", name="a/0.png"))
    picture(0).save(dataset.root / "a" / "0.png")
    with pytest.raises(DatasetError, match=r"a/0\.png is of class 'a' now, not 'b'"):
        load_split(file, read_dataset(dataset.root))


def test_an_image_on_two_sides_is_refused(dataset: Dataset, file: Path) -> None:
    edit(file, lambda document: document["test"].append(document["train"][0]))
    with pytest.raises(DatasetError, match="is in test and in train"):
        load_split(file, dataset)


def test_a_subject_on_two_sides_of_a_split_by_subject_is_refused(dataset: Dataset, file: Path) -> None:
    def claim(document: dict[str, Any]) -> None:
        document["grouped_by"] = "subject"
        document["test"][0]["subject"] = document["train"][0]["subject"] = "7"

    edit(file, claim)
    with pytest.raises(DatasetError, match="subject"):
        load_split(file, dataset)


def test_a_part_without_a_class_is_refused(dataset: Dataset, file: Path) -> None:
    edit(file, lambda document: document.update(test=[m for m in document["test"] if m["label"] == "a"]))
    with pytest.raises(DatasetError, match="its test part lacks a class"):
        load_split(file, dataset)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"train": 3}', '{"train": [{"name": 1}], "val": [], "test": []}']
)
def test_what_is_no_split_is_refused_with_the_way_out(dataset: Dataset, tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"not a split .*edgeall data split"):
        load_split(path, dataset)


def test_a_missing_file_says_how_to_make_it(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such split file; make one with: edgeall data split"):
        load_split(tmp_path / "x.json", dataset)


def test_images_of_parts_that_are_not_asked_for_may_be_away(dataset: Dataset, file: Path) -> None:
    split = load_split(file, dataset)
    for member in split.test:
        (dataset.root / member.name).unlink()
    rest = read_dataset(dataset.root)
    assert load_split(file, rest, present=("train", "val")) == split
    with pytest.raises(DatasetError, match=f"{split.test[0].name} is not in"):
        load_split(file, rest)
    picture(77).save(dataset.root / split.val[0].name)
    with pytest.raises(DatasetError, match=f"{split.val[0].name} has changed"):
        load_split(file, rest, present=("train", "val"))
