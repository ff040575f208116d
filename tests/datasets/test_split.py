from collections import Counter
from pathlib import Path

import pytest
from pictures import MakeFolder, cnmc_names, picture

from edgeall.datasets import Dataset, make_folds, make_split, read_dataset
from edgeall.errors import DatasetError, UsageError
from edgeall.files import sha256_file
from edgeall.runs import PARTS, Split


def names_of(split: Split, part: str) -> set[str]:
    return {member.name for member in split.part(part)}


def classes_of(split: Split, part: str) -> Counter[str]:
    return Counter(member.label for member in split.part(part))


def test_images_without_subjects_are_split_by_image_and_by_class(make_folder: MakeFolder) -> None:
    root = make_folder(f"im/Im{i:03d}_{i % 2}.jpg" for i in range(1, 31))
    split, unreadable = make_split(read_dataset(root))
    assert split.grouped_by == "image"
    assert [len(split.part(part)) for part in PARTS] == [18, 6, 6]
    assert all(classes_of(split, part)["ALL"] == classes_of(split, part)["healthy"] for part in PARTS)
    assert len(set.union(*(names_of(split, part) for part in PARTS))) == 30
    assert not unreadable


def test_members_carry_hash_label_and_subject_in_the_order_of_names(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder(cnmc_names({"1": 2, "2": 2, "3": 2, "H1": 2, "H2": 2, "H3": 2})))
    split, _ = make_split(dataset, seed=1)
    known = {sample.name: sample for sample in dataset.samples}
    order = [sample.name for sample in dataset.samples]
    for part in PARTS:
        members = split.part(part)
        assert [member.name for member in members] == sorted((m.name for m in members), key=order.index)
        for member in members:
            sample = known[member.name]
            assert (member.label, member.subject) == (sample.label, sample.subject)
            assert member.sha256 == sha256_file(sample.path)


def test_the_seed_governs_the_split(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder(f"img/Im{i:03d}_{i % 2}.tif" for i in range(1, 25)))
    first, again, other = (make_split(dataset, seed=seed)[0] for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_published_eighty_twenty_is_exact_and_val_may_be_none_when_asked(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder(f"im/Im{i:03d}_{int(i > 59)}.jpg" for i in range(1, 109)))
    split, _ = make_split(dataset, fractions=(0.8, 0, 0.2))
    assert classes_of(split, "test") == {"healthy": 12, "ALL": 10}
    assert classes_of(split, "train") == {"healthy": 47, "ALL": 39}
    assert split.val == ()


@pytest.mark.parametrize(
    "fractions", [(0, 0.5, 0.5), (0.5, 0.5, 0), (1, 1), (0.5, -0.1, 0.6), (float("nan"), 1, 1)]
)
def test_fractions_that_make_no_split_are_refused(
    make_folder: MakeFolder, fractions: tuple[float, ...]
) -> None:
    dataset = read_dataset(make_folder(["a/1.png", "b/1.png"]))
    with pytest.raises(UsageError):
        make_split(dataset, fractions=fractions)


def test_a_negative_seed_is_refused(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder([f"{label}/{i}.png" for label in "ab" for i in range(3)]))
    with pytest.raises(UsageError, match="seed -1: give 0 or more"):
        make_split(dataset, seed=-1)
    with pytest.raises(UsageError, match="seed -1: give 0 or more"):
        make_folds(dataset, 3, seed=-1)


def test_subjects_stay_whole(make_folder: MakeFolder) -> None:
    dataset = read_dataset(
        make_folder(cnmc_names({"1": 6, "2": 3, "3": 2, "4": 1, "H1": 5, "H2": 3, "H3": 3}))
    )
    split, _ = make_split(dataset)
    assert split.grouped_by == "subject"
    sides = [{member.subject for member in split.part(part)} for part in PARTS]
    assert sum(len(side) for side in sides) == len(set.union(*sides)) == 7
    assert all(len(classes_of(split, part)) == 2 for part in PARTS)


def test_real_cells_are_split_by_subject_near_the_wanted_sizes(real_data: Path) -> None:
    split, unreadable = make_split(read_dataset(real_data / "cnmc"))
    assert not unreadable
    assert split.grouped_by == "subject"
    # Subject 4 holds 113 of 150 ALL cells and can only train; the largest healthy subject, 67, trains too.
    subjects = {part: {member.subject for member in split.part(part)} for part in PARTS}
    assert {"4", "H12"} <= subjects["train"]
    assert not subjects["train"] & subjects["val"] | subjects["val"] & subjects["test"]
    assert min(classes_of(split, part)[label] for part in PARTS for label in ("all", "hem")) >= 18


def test_a_subject_missing_for_one_image_means_a_split_by_image(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder([f"{label}/{i}.png" for label in "ab" for i in range(6)]))
    first, *rest = dataset.samples
    known = [type(first)(s.path, s.name, s.label, subject="x") for s in rest]
    mixed = Dataset(dataset.root, dataset.layout, dataset.labels, dataset.positive, (first, *known))
    assert make_split(mixed)[0].grouped_by == "image"


def test_copies_of_a_picture_stay_on_one_side(make_folder: MakeFolder) -> None:
    root = make_folder(f"{label}/{i}.png" for label in "ab" for i in range(8))
    copies = set()
    for seed in range(4):
        # Seeds 0 to 7 are those of class a: exact, re-encoded, mirrored and turned copies.
        source = picture(seed)
        for turn, suffix in ((None, "png"), (0, "jpg"), (2, "png")):
            image = (
                source
                if turn is None
                else source.transpose(list(type(source).transpose.__annotations__) and turn)
            )
            name = f"a/copy{seed}_{turn}.{suffix}"
            image.save(root / name)
            copies.add((seed, name))
    split, _ = make_split(read_dataset(root), fractions=(0.4, 0.3, 0.3))
    side = {member.name: part for part in PARTS for member in split.part(part)}
    for seed, name in copies:
        assert side[name] == side[f"a/{seed}.png"]


def test_a_picture_shared_by_two_subjects_joins_them(make_folder: MakeFolder) -> None:
    names = cnmc_names({"1": 3, "2": 3, "3": 3, "4": 3, "H1": 3, "H2": 3, "H3": 3})
    root = make_folder(names)
    shared = root / "fold_0/all/UID_1_1_1_all.bmp"
    (root / "fold_0/all/UID_4_9_9_all.bmp").write_bytes(shared.read_bytes())
    split, _ = make_split(read_dataset(root))
    side = {member.subject: part for part in PARTS for member in split.part(part)}
    assert side["1"] == side["4"]


def test_unreadable_images_are_named_and_left_out(make_folder: MakeFolder) -> None:
    root = make_folder(f"{label}/{i}.png" for label in "ab" for i in range(5))
    (root / "a" / "broken.png").write_bytes(b"\x89PNG not really")
    split, (unreadable,) = make_split(read_dataset(root))
    assert unreadable.name == "a/broken.png"
    assert "a/broken.png" not in set.union(*(names_of(split, part) for part in PARTS))


def test_too_few_images_or_subjects_are_refused_with_the_way_out(make_folder: MakeFolder) -> None:
    few_images = make_folder(["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"])
    with pytest.raises(
        DatasetError, match="class 'b' has 2 different images, but train, val and test need one each"
    ):
        make_split(read_dataset(few_images))
    split, _ = make_split(read_dataset(few_images), fractions=(0.5, 0, 0.5))
    assert classes_of(split, "test")["b"] == 1


def test_many_cells_of_too_few_people_are_refused(make_folder: MakeFolder) -> None:
    root = make_folder(cnmc_names({"1": 9, "2": 9, "H1": 3, "H2": 3, "H3": 3}))
    with pytest.raises(DatasetError, match="class 'all' has 2 subjects, but"):
        make_split(read_dataset(root))


def test_a_class_of_which_nothing_can_be_read_is_refused_and_said_why(make_folder: MakeFolder) -> None:
    root = make_folder(["a/1.png", "a/2.png", "b/1.png"])
    (root / "b" / "1.png").write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"no readable image of class 'b' \(1 cannot be read, the first: b/1.png\)"
    ):
        make_split(read_dataset(root))


class Notes:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        from edgeall.progress import SILENT

        self.notes: list[str] = []
        self.stage = SILENT.stage

    def note(self, text: str) -> None:
        self.notes.append(text)


def given_folder(make_folder: MakeFolder, **parts: int) -> Path:
    return make_folder(
        f"{part}/{label}/{i}.png" for part, n in parts.items() for label in "ab" for i in range(n)
    )


def test_parts_that_the_folder_assigns_are_kept(make_folder: MakeFolder) -> None:
    dataset = read_dataset(given_folder(make_folder, train=3, valid=2, test=1))
    split, _ = make_split(dataset)
    for part, folder in zip(PARTS, ("train", "valid", "test"), strict=True):
        assert {name.split("/")[0] for name in names_of(split, part)} == {folder}


def test_a_part_that_the_folder_lacks_is_taken_out_of_its_train_and_said(make_folder: MakeFolder) -> None:
    listener = Notes()
    split, _ = make_split(read_dataset(given_folder(make_folder, train=8, test=2)), progress=listener)
    assert listener.notes == ["the folder assigns no val: taken from its train"]
    assert {name.split("/")[0] for name in names_of(split, "test")} == {"test"}
    assert classes_of(split, "val") == {"a": 2, "b": 2}
    assert {name.split("/")[0] for name in names_of(split, "val")} == {"train"}


def test_given_parts_can_be_passed_over(make_folder: MakeFolder) -> None:
    dataset = read_dataset(given_folder(make_folder, train=2, test=8))
    split, _ = make_split(dataset, keep_given=False)
    assert len(split.train) == 12


def test_given_parts_that_share_a_picture_are_refused_and_both_named(make_folder: MakeFolder) -> None:
    root = given_folder(make_folder, train=4, val=2, test=2)
    picture(0).transpose(0).save(root / "test" / "a" / "copy.png")
    with pytest.raises(DatasetError, match=r"share one picture \(test/a/copy.png, train/a/0.png\)"):
        make_split(read_dataset(root))


def test_given_parts_that_share_a_subject_are_refused(make_folder: MakeFolder) -> None:
    names = [f"{part}/{label}/UID_{who}_{part_no}_1_{label}.png"
             for part_no, part in enumerate(("train", "test"))
             for label, who in (("all", "1"), ("hem", "H1"))]  # fmt: skip
    with pytest.raises(DatasetError, match="share one subject 1 "):
        make_split(read_dataset(make_folder(names)), fractions=(0.5, 0, 0.5))


def test_given_parts_need_a_train_and_every_class(make_folder: MakeFolder) -> None:
    root = make_folder(["val/a/1.png", "val/b/1.png", "test/a/2.png", "test/b/2.png"])
    with pytest.raises(DatasetError, match="no train folder"):
        make_split(read_dataset(root))
    for name in ("train/a/5.png", "train/a/6.png", "train/b/5.png", "train/b/6.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(int(name[8]) + 20 * (name[6] == "b")).save(root / name)
    (root / "test" / "b" / "2.png").unlink()
    with pytest.raises(DatasetError, match="its test folder has no readable 'b' image"):
        make_split(read_dataset(root))


def test_folds_test_every_image_once_and_share_no_subject(make_folder: MakeFolder) -> None:
    people = {f"{kind}{number}": 1 + number % 3 for kind in ("", "H") for number in range(1, 6)}
    dataset = read_dataset(make_folder(cnmc_names(people)))
    folds, unreadable = make_folds(dataset, 3, seed=2)
    tested = [name for fold in folds for name in names_of(fold, "test")]
    assert sorted(tested) == sorted(sample.name for sample in dataset.samples)
    for fold in folds:
        sides = [{member.subject for member in fold.part(part)} for part in PARTS]
        assert sum(map(len, sides)) == len(set.union(*sides)) == len(people)
        assert all(len(classes_of(fold, part)) == 2 for part in PARTS)
    assert not unreadable
    assert folds == make_folds(dataset, 3, seed=2)[0]


def test_folds_refuse_what_cannot_be_cross_validated(make_folder: MakeFolder) -> None:
    dataset = read_dataset(make_folder([f"{label}/{i}.png" for label in "ab" for i in range(3)]))
    with pytest.raises(UsageError, match="2 or more"):
        make_folds(dataset, 1)
    with pytest.raises(UsageError, match="validation share"):
        make_folds(dataset, 3, val=1.0)
    with pytest.raises(
        DatasetError, match="class 'a' has 3 different images, but fold 1, fold 2, fold 3 and fold 4"
    ):
        make_folds(dataset, 4)
    assert make_folds(dataset, 3, val=0)[0][0].val == ()
