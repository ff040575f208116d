"""A split in its own file, for training runs that share it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeall import documents, files
from edgeall.datasets.dataset import Dataset, Sample
from edgeall.errors import DatasetError
from edgeall.files import AnyPath
from edgeall.runs import PARTS, Member, Split, check_split


def split_to_dict(split: Split) -> dict[str, Any]:
    """JSON-ready as in `run.json`: `train`, `val`, `test` as lists of {name, sha256, label, subject}; `grouped_by`."""
    return dataclasses.asdict(split)


def save_split(path: AnyPath, split: Split) -> None:
    """Write `split` as JSON, whole or not at all."""
    path = Path(path)
    files.write_json(path, split_to_dict(split))


def load_split(path: AnyPath, dataset: Dataset, present: Sequence[str] = PARTS) -> Split:
    """Read a split and check it against the images of `dataset`.

    Args:
        present: parts whose images are checked. Images of other parts are not read, and can be missing.

    Raises:
        DatasetError: no such file, not a split, or its images are missing, changed, of another class, or in two parts.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(
            f"{path}: no such split file; make one with: edgeall data split {dataset.root} -o {path}"
        )
    try:
        # JSON, whatever the file is called.
        split = documents.build(Split, documents.parse(files.read_at_most(path, documents.MAX_BYTES)))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a split ({error}); make one with: edgeall data split") from None
    known = {sample.name: sample for sample in dataset.samples}
    for part in present:
        for member in split.part(part):
            _check_member(member, known.get(member.name), path, dataset)
    try:
        check_split(split)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; make it again with: edgeall data split") from None
    for part in ("train", "test"):
        if {member.label for member in split.part(part)} != set(dataset.labels):
            raise DatasetError(
                f"{path}: its {part} part lacks a class of {', '.join(dataset.labels)}; make it again"
            )
    return split


def _check_member(member: Member, sample: Sample | None, path: Path, dataset: Dataset) -> None:
    """Raises DatasetError where an image has changed since the split at `path` was made."""
    if sample is None:
        raise DatasetError(f"{path}: {member.name} is not in {dataset.root}; give the folder it was made for")
    if sample.label != member.label:
        raise DatasetError(f"{path}: {member.name} is of class '{sample.label}' now, not '{member.label}'")
    if member.subject is None and sample.subject is not None:
        raise DatasetError(f"{path}: {member.name} has no subject there, and its name has {sample.subject}")
    if files.sha256_file(sample.path) != member.sha256:
        raise DatasetError(f"{path}: {member.name} has changed since the split was made; make it again")
