import pytest

from edgeall.datasets.layouts import LAYOUTS, LayoutImage


def read_by(name: str) -> dict[str, LayoutImage]:
    """What each layout reads from a path."""
    return {layout.name: entry for layout in LAYOUTS if (entry := layout.entry(name)) is not None}


@pytest.mark.parametrize(
    ("name", "layout", "entry"),
    [
        ("im/Im001_1.jpg", "ALL-IDB1", LayoutImage("ALL")),
        ("im/Im108_0.jpg", "ALL-IDB1", LayoutImage("healthy")),
        ("ALL_IDB1/im/Im002_1.JPG", "ALL-IDB1", LayoutImage("ALL")),
        ("Im002_1.jpg", "ALL-IDB1", LayoutImage("ALL")),
        ("img/Im200_0.tif", "ALL-IDB2", LayoutImage("healthy")),
        ("Im200_1.tif", "ALL-IDB2", LayoutImage("ALL")),
        ("C-NMC_training_data/fold_2/all/UID_11_2_3_all.bmp", "C-NMC", LayoutImage("all", subject="11")),
        ("fold_0/hem/UID_H12_2_3_hem.jpg", "C-NMC", LayoutImage("hem", subject="H12")),
        ("hem/UID_H12_2_3_hem.bmp", "C-NMC", LayoutImage("hem", subject="H12")),
        ("train/all/UID_3_2_3_all.bmp", "C-NMC", LayoutImage("all", subject="3", split="train")),
        ("Original/Benign/a.jpg", "Taleqani", LayoutImage("Benign", variant="Original")),
        ("x/segmented/pro/b.jpg", "Taleqani", LayoutImage("Pro", variant="Segmented")),
        ("blast/1.png", "image folder", LayoutImage("blast")),
        ("valid/blast/1.png", "image folder", LayoutImage("blast", split="val")),
        ("Testing/normal/1.png", "image folder", LayoutImage("normal", split="test")),
    ],
)
def test_a_path_says_class_subject_and_split(name: str, layout: str, entry: LayoutImage) -> None:
    assert read_by(name)[layout] == entry


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("im/Im001_2.jpg", "ALL-IDB1"),
        ("img/Im001_1.tif", "ALL-IDB1"),
        ("all/UID_H1_2_3_hem.bmp", "C-NMC"),
        ("all/UID_1_2_all.bmp", "C-NMC"),
        ("Original/Other/a.jpg", "Taleqani"),
        ("a.jpg", "image folder"),
        ("train/a.jpg", "image folder"),
        ("patient/series/a.jpg", "image folder"),
    ],
)
def test_a_path_that_does_not_fit_is_refused(name: str, layout: str) -> None:
    assert layout not in read_by(name)


def test_every_label_with_a_finding_is_a_label() -> None:
    for layout in LAYOUTS:
        assert set(layout.positive) <= set(layout.labels.values())
