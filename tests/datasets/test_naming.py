"""What published file names tell, whatever the folders are called."""

import pytest
from pictures import MakeFolder

from edgeall.datasets import read_dataset, take_census
from edgeall.datasets.naming import parse_name


@pytest.mark.parametrize(
    ("name", "word", "finding", "subject"),
    [
        ("a/UID_11_2_3_all.bmp", "all", True, "11"),
        ("UID_H12_2_3_HEM.jpg", "hem", False, "H12"),
        ("img/Im001_1.tif", "1", True, None),
        ("Im108_0.jpg", "0", False, None),
        ("x/WBC-Malignant-Early-012.jpg", "early", True, None),
        ("WBC-Benign-001.jpg", "benign", False, None),
    ],
)
def test_published_names(name: str, word: str, finding: bool, subject: str | None) -> None:
    told = parse_name(name)
    assert told is not None
    assert (told.word, told.positive, told.subject) == (word, finding, subject)


@pytest.mark.parametrize("name", ["Im1_1.png", "UID_1_all.bmp", "cell_0.png", "UID_11_2_3_all.bmp.txt/x.png"])
def test_other_names_tell_nothing(name: str) -> None:
    assert parse_name(name) is None


def test_names_that_contradict_their_folder(make_folder: MakeFolder) -> None:
    right = [f"leukemia/UID_1_{i}_1_all.bmp" for i in range(4)] + [
        f"healthy/UID_H2_{i}_1_hem.bmp" for i in range(3)
    ]
    wrong = [f"healthy/UID_3_{i}_1_all.bmp" for i in range(5)]
    dataset = read_dataset(make_folder([*right, *wrong]))
    (found,) = dataset.contradictions
    assert (found.label, found.word, found.names, found.images) == ("healthy", "all", tuple(wrong), 8)
    assert any(
        "5 of 8 images in class 'healthy' have names with 'all' (C-NMC)" in note for note in dataset.notes
    )
    census = take_census(dataset)
    assert not census.sound
    assert census.to_dict()["contradictions"][0]["names"] == wrong


def test_other_published_names(make_folder: MakeFolder) -> None:
    names = [f"leukemia/Im00{i}_0.tif" for i in range(2)] + [f"healthy/Im01{i}_0.tif" for i in range(2)]
    (found,) = read_dataset(make_folder(names)).contradictions
    assert (found.label, found.word, len(found.names)) == ("leukemia", "0", 2)


def test_one_finding_filed_under_another(make_folder: MakeFolder) -> None:
    names = [
        f"Original/{label}/WBC-Malignant-{label}-00{i}.jpg" for label in ("Early", "Pre") for i in range(2)
    ]
    names += [f"Original/Benign/WBC-Benign-00{i}.jpg" for i in range(2)]
    assert read_dataset(make_folder(names)).contradictions == ()
    (found,) = read_dataset(make_folder([*names, "Original/Pre/WBC-Malignant-Early-009.jpg"])).contradictions
    assert (found.label, found.word) == ("Pre", "early")


def test_one_that_the_layout_leaves_out_is_a_contradiction_too(make_folder: MakeFolder) -> None:
    names = [
        f"fold_0/{label}/UID_{who}_{i}_1_{label}.bmp"
        for label, who in (("all", "1"), ("hem", "H2"))
        for i in range(2)
    ]
    dataset = read_dataset(make_folder([*names, "fold_0/all/UID_H9_1_1_hem.bmp"]))
    assert len(dataset.samples) == 4
    assert [(each.label, each.word) for each in dataset.contradictions] == [("all", "hem")]


def test_subjects_are_known_whatever_the_folders_are_called(make_folder: MakeFolder) -> None:
    names = [f"leukemia/UID_{s}_{i}_1_all.bmp" for s in (1, 3) for i in range(2)]
    names += [f"healthy/UID_H{s}_{i}_1_hem.bmp" for s in (2, 4) for i in range(2)]
    dataset = read_dataset(make_folder(names))
    assert dataset.layout == "image folder"
    assert {sample.subject for sample in dataset.samples} == {"1", "3", "H2", "H4"}
    assert take_census(dataset).to_dict()["grouped_by"] == "subject"
