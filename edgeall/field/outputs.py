"""What is made of answers beside showing them: a file, copies of the pictures, counts by folder or person."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgeall.artifact import Artifact
from edgeall.field.answers import Classified
from edgeall.field.classify import Answer
from edgeall.field.copies import Copies
from edgeall.field.counts import By, Group, Grouping
from edgeall.field.sources import Found
from edgeall.field.verdict_file import VerdictFile, verdict_file
from edgeall.values import dataclass


@dataclass(frozen=True)
class Outputs:
    """The outputs of one call; None for those that are not asked for."""

    file: VerdictFile | None = None
    copies: Copies | None = None
    grouping: Grouping | None = None

    def known(self, found: Found) -> Classified | None:
        """The answer of an interrupted call; see `VerdictFile.known`."""
        return None if self.file is None else self.file.known(found)

    def add(self, answer: Answer) -> None:
        """Take an answer.

        Raises:
            FileError, ImageError: an output cannot be written; see `VerdictFile` and `Copies`.
        """
        found, result = answer.found, answer.result
        if self.file is not None:
            self.file.add(result, found)
        if found is None:
            return
        if self.copies is not None and isinstance(result, Classified):
            self.copies.add(found, result.decision)
        if self.grouping is not None:
            self.grouping.add(found, result)

    def finish(self) -> list[Group]:
        """Write the file, and return the counts by folder or person."""
        if self.file is not None:
            self.file.finish()
        return [] if self.grouping is None else self.grouping.groups()


@contextmanager
def outputs(
    artifact: Artifact,
    sources: Sequence[str],
    *,
    file: Path | None = None,
    copy_to: Path | None = None,
    by: By | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> Iterator[Outputs]:
    """The outputs of the classification of `sources`, checked before the first picture is read.

    Args:
        force: whether refused pictures get a verdict; answers of an interrupted call with another choice are not taken.
        overwrite: replace `file`, and add to `copy_to`, where they exist. A call that goes on adds to it in any case.

    Raises:
        UsageError, FileError: see `verdict_file` and `Copies`.
    """
    grouping = None if by is None else Grouping(by, artifact.metadata)
    if file is None:
        copies = None if copy_to is None else Copies(copy_to, sources, add=overwrite)
        yield Outputs(None, copies, grouping)
        return
    with verdict_file(file, artifact.sha256, {"force": force}, overwrite=overwrite) as verdicts:
        add = overwrite or verdicts.resumed > 0
        copies = None if copy_to is None else Copies(copy_to, sources, add=add)
        yield Outputs(verdicts, copies, grouping)
