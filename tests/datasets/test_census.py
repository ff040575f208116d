import json
from dataclasses import replace
from pathlib import Path

from pictures import MakeFolder, cnmc_names, picture
from PIL import Image

from edgeall.datasets import SplitLeak, Unreadable, read_dataset, take_census


def test_a_sound_set_is_counted(make_folder: MakeFolder) -> None:
    root = make_folder(cnmc_names({"1": 2, "3": 1, "H2": 3}))
    picture(50, (60, 40)).save(root / "fold_0/all/UID_3_9_9_all.jpg")
    census = take_census(read_dataset(root))
    assert census.sound
    assert census.classes == {"hem": 3, "all": 4}
    assert census.subjects == {"hem": {"H2": 3}, "all": {"1": 2, "3": 2}}
    assert census.resolutions == {(48, 48): 6, (60, 40): 1}
    assert census.formats == {"BMP": 6, "JPEG": 1}
    assert census.splits == {}


def test_duplicates_are_told_by_kind(make_folder: MakeFolder) -> None:
    root = make_folder([f"{label}/{i}.png" for label in "ab" for i in range(2)])
    (root / "a" / "9.png").write_bytes((root / "a" / "0.png").read_bytes())
    picture(1).save(root / "a" / "8.jpg")
    census = take_census(read_dataset(root))
    assert census.exact_duplicates == (("a/0.png", "a/9.png"),)
    assert census.near_duplicates == (("a/1.png", "a/8.jpg"),)
    assert census.sound


def test_one_file_under_two_classes_is_a_conflict(make_folder: MakeFolder) -> None:
    root = make_folder([f"{label}/{i}.png" for label in "ab" for i in range(2)])
    (root / "b" / "9.png").write_bytes((root / "a" / "0.png").read_bytes())
    census = take_census(read_dataset(root))
    assert census.conflicts == (("a/0.png", "b/9.png"),)
    assert not census.sound


def test_unreadable_files_are_named_and_not_counted(make_folder: MakeFolder) -> None:
    root = make_folder([f"{label}/{i}.png" for label in "ab" for i in range(2)])
    (root / "b" / "1.png").write_bytes(b"text")
    census = take_census(read_dataset(root))
    reason = "not an image that edgeall reads (JPEG, PNG, BMP, TIFF, WebP, AVIF, JPEG 2000)"
    assert census.unreadable == (Unreadable("b/1.png", reason),)
    assert census.classes == {"a": 2, "b": 1}
    assert not census.sound


def test_a_set_in_which_nothing_can_be_read_has_a_census(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.png").write_bytes(b"")
    census = take_census(read_dataset(tmp_path))
    assert census.classes == {"a": 0, "b": 0}
    assert len(census.unreadable) == 2
    assert census.subjects == {}


def test_leaks_between_given_parts_are_found(make_folder: MakeFolder) -> None:
    names = [
        f"{part}/{label}/UID_{who}{number}_1_1_{label}.png"
        for number, part in enumerate(("train", "test"))
        for label, who in (("all", ""), ("hem", "H"))
    ]
    root = make_folder([*names, "test/all/UID_0_2_1_all.png"])
    picture(1).transpose(0).save(root / "test" / "hem" / "UID_H1_7_7_hem.png")
    census = take_census(read_dataset(root))
    assert census.splits == {"test": 4, "train": 2}
    assert census.leaks == (
        SplitLeak("subject", "0", ("test", "train")),
        SplitLeak("picture", "test/hem/UID_H1_7_7_hem.png, train/hem/UID_H0_1_1_hem.png", ("test", "train")),
    )
    assert not census.sound


def test_the_document_is_json_and_agrees_with_the_census(real_data: Path) -> None:
    whole = read_dataset(real_data / "cnmc")
    census = take_census(replace(whole, samples=whole.samples[::10]))
    document = json.loads(json.dumps(census.to_dict(), allow_nan=False))
    assert document["layout"] == "C-NMC"
    assert document["grouped_by"] == "subject"
    assert document["images"] == 30
    assert [entry["label"] for entry in document["classes"]] == ["hem", "all"]
    assert [entry["positive"] for entry in document["classes"]] == [False, True]
    assert [sum(entry["subjects"].values()) for entry in document["classes"]] == [15, 15]
    assert document["resolutions"] == [{"width": 450, "height": 450, "images": 30}]
    assert document["formats"] == {"JPEG": 30}
    assert document["sound"]


def test_what_of_images_is_ignored_is_counted(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "a/2.png", "b/1.png"])
    for name in ("a/1.png", "b/1.png"):
        with Image.open(root / name) as image:
            image.save(root / name, icc_profile=b"damaged")
    census = take_census(read_dataset(root))
    assert census.image_notes == {"its colour profile is damaged and ignored": 2}
    assert census.to_dict()["image_notes"] == census.image_notes


def test_images_that_classify_would_refuse_are_counted(make_folder: MakeFolder) -> None:
    root = make_folder([f"{label}/{i}.png" for label in "ab" for i in range(2)])
    Image.new("RGB", (60, 60), (3, 3, 3)).save(root / "a" / "dark.png")
    Image.new("RGB", (60, 60), (3, 3, 3)).save(root / "b" / "dark.bmp")
    census = take_census(read_dataset(root))
    assert census.unfit == {"nearly uniform: nothing to see": ("a/dark.png", "b/dark.bmp")}
