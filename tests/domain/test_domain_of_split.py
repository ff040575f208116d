"""The domain of a run is that of its training and validation images, and is in what says what the run is."""

import dataclasses
import json
from pathlib import Path

import pytest
from pictured import SIDE, cell
from PIL import Image
from small_run import make_artifact, make_run

from edgeall import artifact, files, runs
from edgeall.artifact import Domain
from edgeall.domain import of_split, unlike
from edgeall.domain.of_split import domain_of_split
from edgeall.errors import ArtifactError, DatasetError, RunError
from edgeall.pixels import Resize, read_picture

TO = Resize(SIDE)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 cells of 8 people."""
    folder = tmp_path_factory.mktemp("cells")
    for person in range(8):
        label = ("healthy", "all")[person % 2]
        (folder / label).mkdir(exist_ok=True)
        for seed in range(5):
            Image.fromarray(cell(seed, person)).save(folder / label / f"{person}-{seed}.png")
    return folder


def split_of(root: Path, *, test: str = "67") -> runs.Split:
    members: dict[bool, list[runs.Member]] = {False: [], True: []}
    for path in sorted(root.glob("*/*.png")):
        member = runs.Member(
            path.relative_to(root).as_posix(), files.sha256_file(path), path.parent.name, path.name[0]
        )
        members[path.name[0] in test].append(member)
    seen = members[False]
    return runs.Split(tuple(seen[::2]), tuple(seen[1::2]), tuple(members[True]), "image")


def test_training_and_validation_images_are_described_and_test_images_are_not(root: Path) -> None:
    domain = domain_of_split(root, split_of(root), TO)
    assert domain is not None
    assert (domain.images, domain.people, domain.on_black) == (30, 6, True)
    unseen = [path for path in root.glob("*/*.png") if path.name[0] in "67"]
    assert sum(bool(unlike(domain, read_picture(path, TO))) for path in unseen) <= 1


def test_of_many_images_some_are_described(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_split, "MOST", 24)
    domain = domain_of_split(root, split_of(root), TO)
    assert domain is not None
    assert (domain.images, domain.people) == (24, 6)


def test_too_few_images_have_none(root: Path) -> None:
    assert domain_of_split(root, split_of(root, test="234567"), TO) is None


def test_another_image_under_the_name_is_noticed(root: Path, tmp_path: Path) -> None:
    split = split_of(root)
    changed = dataclasses.replace(split.val[0], sha256="0" * 64)
    with pytest.raises(DatasetError, match="has changed since the split was made"):
        domain_of_split(root, dataclasses.replace(split, val=(changed, *split.val[1:])), TO)
    with pytest.raises(DatasetError, match="image of the split is missing"):
        domain_of_split(tmp_path, split, TO)


@pytest.fixture
def run(root: Path, tmp_path: Path) -> runs.Run:
    made = make_run(tmp_path / "run", root)
    made = dataclasses.replace(made, domain=domain_of_split(root, made.split, made.pixels.resize))
    assert made.domain is not None
    runs.save(made)
    return made


def test_a_run_keeps_its_domain(run: runs.Run) -> None:
    assert runs.load(run.path) == run


def test_a_run_of_before_has_none(run: runs.Run) -> None:
    document = json.loads((run.path / "run.json").read_text())
    del document["domain"]
    (run.path / "run.json").write_text(json.dumps(document))
    assert runs.load(run.path) == dataclasses.replace(run, domain=None)


@pytest.mark.parametrize(
    "change",
    [
        {"images": 0},
        {"widths": [450, 300, 500]},
        {"heights": [0, 0, 0]},
        {"refused": 1.5},
        {"people": 0},
        {"limits": {"edge": [1.0, 0.0]}},
        {"limits": {"edge": [0.0]}},
        {"side": "224"},
    ],
)
def test_a_domain_that_cannot_be_is_refused(run: runs.Run, change: dict[str, object]) -> None:
    document = json.loads((run.path / "run.json").read_text())
    document["domain"] |= change
    (run.path / "run.json").write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"cannot be read \(.*domain"):
        runs.load(run.path)


def test_an_artifact_carries_it_and_one_of_before_has_none(run: runs.Run) -> None:
    bare = make_artifact(run, "onnx", "float32")
    assert bare.metadata.domain is None
    document = bare.metadata.to_dict()
    del document["domain"]
    assert artifact.Metadata.from_dict(document) == bare.metadata
    carried = dataclasses.replace(bare.metadata, domain=run.domain)
    read = artifact.Metadata.from_dict(json.loads(json.dumps(carried.to_dict())))
    assert isinstance(read.domain, Domain)
    assert read == carried
    damaged = carried.to_dict() | {"domain": carried.to_dict()["domain"] | {"side": 0}}
    with pytest.raises(ArtifactError, match="domain"):
        artifact.Metadata.from_dict(damaged)
