import os
import sys
from pathlib import Path

import pytest
from pictures import MakeFolder, cnmc_names, picture

from edgeall.datasets import read_dataset
from edgeall.errors import DatasetError, UsageError


def test_all_idb1_is_recognised_above_its_folder_and_inside(make_folder: MakeFolder) -> None:
    root = make_folder(["im/Im001_1.jpg", "im/Im002_0.jpg", "im/Im010_0.jpg"])
    (root / "xyc").mkdir()
    (root / "xyc" / "Im001_1.xyc").write_text("1 2\n")
    above, inside = read_dataset(root), read_dataset(root / "im")
    assert above.layout == inside.layout == "ALL-IDB1"
    assert above.labels == ("healthy", "ALL")
    assert above.positive == ("ALL",)
    assert above.counts() == {"healthy": 2, "ALL": 1}
    assert [sample.name for sample in inside.samples] == ["Im001_1.jpg", "Im002_0.jpg", "Im010_0.jpg"]
    assert not above.notes


def test_all_idb2_is_told_from_all_idb1_by_folder_and_suffix(make_folder: MakeFolder) -> None:
    root = make_folder(["img/Im001_1.tif", "img/Im002_0.tif"])
    assert read_dataset(root).layout == read_dataset(root / "img").layout == "ALL-IDB2"


def test_c_nmc_subjects_come_from_names_at_every_level(make_folder: MakeFolder) -> None:
    names = [f"C-NMC_training_data/{name}" for name in cnmc_names({"1": 1, "H7": 2})]
    root = make_folder(names)
    for level in (root, root / "C-NMC_training_data", root / "C-NMC_training_data" / "fold_0"):
        dataset = read_dataset(level)
        assert dataset.layout == "C-NMC"
        assert dataset.labels == ("hem", "all")
        assert {(sample.subject, sample.label) for sample in dataset.samples} == {("1", "all"), ("H7", "hem")}


def test_real_c_nmc_has_eight_subjects_and_healthy_ones_carry_an_h(real_data: Path) -> None:
    dataset = read_dataset(real_data / "cnmc")
    assert dataset.layout == "C-NMC"
    assert len({sample.subject for sample in dataset.samples}) == 8
    assert all(str(sample.subject).startswith("H") == (sample.label == "hem") for sample in dataset.samples)


def test_a_c_nmc_cell_filed_under_the_wrong_class_is_left_out_and_named(make_folder: MakeFolder) -> None:
    root = make_folder([*cnmc_names({"1": 3, "H7": 3}), "fold_0/all/UID_H8_1_1_hem.bmp"])
    dataset = read_dataset(root / "fold_0")
    assert dataset.layout == "C-NMC"
    assert len(dataset.samples) == 6
    assert dataset.notes[0] == "left out 1 (does not fit the layout C-NMC): all/UID_H8_1_1_hem.bmp"
    assert "names with 'hem'" in dataset.notes[1]


def test_taleqani_reads_one_rendering_of_each_picture_and_says_so(make_folder: MakeFolder) -> None:
    classes = ("Pro", "Early", "Benign", "Pre")
    root = make_folder(
        f"{kind}/{label}/WBC-{label}-1.jpg" for kind in ("Segmented", "Original") for label in classes
    )
    dataset = read_dataset(root)
    assert dataset.layout == "Taleqani"
    assert dataset.labels == ("Benign", "Early", "Pre", "Pro")
    assert dataset.positive == ("Early", "Pre", "Pro")
    assert {sample.name.split("/")[0] for sample in dataset.samples} == {"Original"}
    assert dataset.notes == ("only Original/ is read: the other folders show the same 4 pictures again",)


def test_taleqani_with_segmented_pictures_alone_reads_those(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder(["Segmented/Benign/1.jpg", "Segmented/Pro/1.jpg"]))
    assert dataset.labels == ("Benign", "Pro")
    assert not dataset.notes


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (("blast", "zebra"), ("zebra", "blast")),
        (("leukemia", "normal"), ("normal", "leukemia")),
        (("Normal", "aml"), ("Normal", "aml")),
        (("cat", "dog"), ("cat", "dog")),
        (("0", "1"), ("0", "1")),
        (("cancer", "no_cancer"), ("no_cancer", "cancer")),
        (("ALL", "HEM"), ("HEM", "ALL")),
    ],
)
def test_the_positive_class_of_an_image_folder_is_guessed_from_names_and_said(
    make_folder: MakeFolder, classes: tuple[str, str], labels: tuple[str, str]
) -> None:
    dataset = read_dataset(make_folder(f"{label}/1.png" for label in classes))
    assert dataset.layout == "image folder"
    assert dataset.labels == labels
    assert dataset.positive == labels[1:]
    assert dataset.positive_guessed
    assert f"'{labels[1]}'" in dataset.notes[-1]
    assert "--positive" in dataset.notes[-1]


def test_several_classes_can_be_positive(make_folder: MakeFolder) -> None:
    root = make_folder(f"{name}/1.png" for name in ("Benign", "[Malignant] Pre-B", "[Malignant] Pro-B"))
    assert read_dataset(root).positive == ("[Malignant] Pre-B", "[Malignant] Pro-B")


def test_positive_overrides_the_guess(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder(["blast/1.png", "zebra/1.png"]), positive=["zebra"])
    assert dataset.labels == ("blast", "zebra")
    assert dataset.positive == ("zebra",)
    assert not dataset.positive_guessed
    assert not dataset.notes


def test_a_wrong_positive_gets_the_nearest_right_one(make_folder: MakeFolder) -> None:
    root = make_folder(["blast/1.png", "zebra/1.png"])
    with pytest.raises(UsageError, match="unknown class 'blasts': did you mean 'blast'"):
        read_dataset(root, positive=["blasts"])
    with pytest.raises(UsageError, match="names every class"):
        read_dataset(root, positive=["blast", "zebra"])


def test_given_splits_are_kept_and_images_outside_of_them_left_out(make_folder: MakeFolder) -> None:
    root = make_folder(["train/a/1.png", "train/b/1.png", "valid/a/2.png", "test/b/2.png", "a/3.png"])
    dataset = read_dataset(root)
    assert {sample.name: sample.split for sample in dataset.samples} == {
        "test/b/2.png": "test",
        "train/a/1.png": "train",
        "train/b/1.png": "train",
        "valid/a/2.png": "val",
    }
    assert dataset.notes[0] == "left out 1 (does not fit the layout image folder): a/3.png"


def test_hidden_files_are_passed_over_and_other_files_left_out_by_name(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "b/1.png", "a/.2.png", ".cache/a/3.png", "__MACOSX/a/4.png"])
    (root / "a" / "notes.txt").write_text("not an image")
    (root / "labels.csv").write_text("name,label")
    os.mkfifo(root / "a" / "pipe.png")
    dataset = read_dataset(root)
    assert [sample.name for sample in dataset.samples] == ["a/1.png", "b/1.png"]
    assert dataset.notes[:2] == (
        "left out 2 (not an image): labels.csv, a/notes.txt",
        "left out 1 (a pipe, not a regular file): a/pipe.png",
    )
    assert {each.path.name for each in dataset.left_out} == {"notes.txt", "labels.csv", "pipe.png"}


def test_images_are_known_by_content_and_what_is_not_read_by_name(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "b/1.webp", "b/2.jfif"])
    (root / "a" / "1.png").rename(root / "a" / "no suffix")
    (root / "a" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    names = [sample.name for sample in read_dataset(root).samples]
    assert names == ["a/no suffix", "a/phone.heic", "b/1.webp", "b/2.jfif"]


def test_the_companions_of_a_layout_are_left_out_without_a_word(make_folder: MakeFolder) -> None:
    root = make_folder(["im/Im001_1.jpg", "im/Im002_0.jpg"])
    (root / "xyc").mkdir()
    (root / "xyc" / "Im001_1.xyc").write_text("1 2\n")
    assert read_dataset(root).notes == ()
    (root / "xyc" / "notes.txt").write_text("")
    assert read_dataset(root).notes == ("left out 1 (not an image): xyc/notes.txt",)


def test_links_out_of_the_folder_are_not_followed_and_links_within_are(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "b/1.png"])
    outside = root.parent / "outside"
    outside.mkdir()
    picture(9).save(outside / "x.png")
    (root / "a" / "out.png").symlink_to(outside / "x.png")
    (root / "a" / "gone.png").symlink_to(outside / "missing.png")
    (root / "c").symlink_to(outside, target_is_directory=True)
    (root / "b" / "within.png").symlink_to(root / "a" / "1.png")
    dataset = read_dataset(root)
    assert [sample.name for sample in dataset.samples] == ["a/1.png", "b/1.png", "b/within.png"]
    assert dataset.notes[0] == (
        "left out 3 (a link that leads out of the folder, which is not followed): c, a/gone.png, a/out.png"
    )


def test_a_folder_reached_through_a_link_is_read(make_folder: MakeFolder, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(make_folder(["a/1.png", "b/1.png"]), target_is_directory=True)
    assert len(read_dataset(link).samples) == 2


def test_names_with_digits_that_are_no_numbers_are_read(make_folder: MakeFolder) -> None:
    names = ["a/5\u00b20.png", "a/\u00b2.png", "a/\u0663.png", "b/1.png"]
    assert {sample.name for sample in read_dataset(make_folder(names)).samples} == set(names)


def test_nothing_is_decoded(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "b/1.png"])
    (root / "a" / "broken.png").write_bytes(b"not an image")
    assert len(read_dataset(root).samples) == 3


def test_what_cannot_serve_is_refused_in_one_line_with_the_way_out(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.jpg").write_bytes(b"")
    cases = {
        tmp_path / "missing": "no such folder; make a synthetic dataset with: edgeall data synth",
        tmp_path / "file.jpg": "not a folder",
        tmp_path / "empty": r"holds no images \(JPEG",
        make_folder(["a/1.png"]): "has one class only, 'a' .1 images.; a second one is needed",
    }
    for folder, message in cases.items():
        with pytest.raises(DatasetError, match=message) as caught:
            read_dataset(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="other systems refuse such names themselves")
@pytest.mark.parametrize(
    ("label", "shown"),
    [("all\u00a0b", r"'all\\xa0b'"), ("al\u200bl", r"'al\\u200bl'"), ("a\tb", r"'a\\tb'"), (" ", "' '")],
)
def test_a_class_name_that_no_model_can_have_is_refused_before_training(
    make_folder: MakeFolder, label: str, shown: str
) -> None:
    root = make_folder([f"{each}/{index}.png" for each in (label, "hem") for index in range(2)])
    with pytest.raises(DatasetError, match=f"the class name {shown} .*; rename its folder"):
        read_dataset(root)


def test_an_unknown_layout_names_the_known_ones(make_folder: MakeFolder) -> None:
    with pytest.raises(DatasetError, match=r"in no known layout \(ALL-IDB1: .*C-NMC: .*image folder: "):
        read_dataset(make_folder(["scan1.png", "scan2.png"]))


def test_links_alone_are_no_images_and_the_message_says_why(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    picture(1).save(tmp_path / "x.png")
    (root / "x.png").symlink_to(tmp_path / "x.png")
    with pytest.raises(DatasetError, match=r"left out 1 \(a link that leads out of the folder, .*\): x\.png"):
        read_dataset(root)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_an_image_whose_name_is_not_utf8_is_left_out_and_named(make_folder: MakeFolder) -> None:
    root = make_folder([f"{label}/{index}.png" for label in "ab" for index in range(2)])
    (root / "a" / "0.png").rename(root / "a" / os.fsdecode(b"caf\xe9.png"))
    dataset = read_dataset(root)
    assert len(dataset.samples) == 3
    assert any("its name is not UTF-8" in note for note in dataset.notes)
    dataset.left_out[0].path.stat()
