"""What is made of answers beside showing them: a file, copies, pictures with boxes, counts by folder or person."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgeall.artifact import Artifact
from edgeall.errors import UsageError
from edgeall.field.answers import Classified
from edgeall.field.classify import Answer, Result
from edgeall.field.copies import Copies
from edgeall.field.counts import By, Group, Grouping
from edgeall.field.drawn_fields import DrawnFields
from edgeall.field.field_answers import FieldAnswer
from edgeall.field.sources import Found
from edgeall.field.verdict_file import VerdictFile, is_unfinished, verdict_file
from edgeall.values import dataclass


@dataclass(frozen=True)
class Outputs:
    """The outputs of one call; None for those that are not asked for."""

    file: VerdictFile | None = None
    copies: Copies | None = None
    boxes: DrawnFields | None = None
    grouping: Grouping | None = None

    def known(self, found: Found) -> Result | None:
        """The answer of an interrupted call; see `VerdictFile.known`."""
        return None if self.file is None else self.file.known(found)

    def add(self, answer: Answer) -> None:
        """Take an answer.

        Raises:
            FileError, ImageError: an output cannot be written; see `VerdictFile` and `Copies`.
        """
        found, result = answer.found, answer.result
        if self.file is not None:
            self.file.add(result, found, known=answer.known)
        if found is None:
            return
        # First, because it has the answer alone: a picture that is gone by now was decided, and counts.
        if self.grouping is not None:
            self.grouping.add(found, result)
        if self.copies is not None and isinstance(result, Classified):
            self.copies.add(found, result.decision)
        if self.boxes is not None and isinstance(result, FieldAnswer):
            self.boxes.add(found, result)

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
    boxes: Path | None = None,
    by: By | None = None,
    force: bool = False,
    cells: bool = False,
    overwrite: bool = False,
) -> Iterator[Outputs]:
    """The outputs of the classification of `sources`, checked before the first picture is read.

    Args:
        boxes: folder for pictures of fields with their cells drawn.
        force, cells: as in `classify`; answers of an interrupted call with another choice are not taken.
        overwrite: replace `file`, and add to the folders, where they exist. A call that goes on adds to them anyway.

    Raises:
        UsageError: `copy_to` with `cells`, or `boxes` without; else as `verdict_file` and `Copies`.
        FileError: see `verdict_file` and `Copies`.
    """
    if cells and copy_to is not None:
        raise UsageError(
            "a field has cells of several decisions: --copy-to needs single pictures; see --boxes"
        )
    if boxes is not None and not cells:
        raise UsageError("--boxes draws the cells of whole fields: it needs --cells")
    grouping = None if by is None else Grouping(by, artifact.metadata)
    # Checked before the file, so that a call with a mistake leaves all as it was.
    add = overwrite or (file is not None and is_unfinished(file))
    copies = None if copy_to is None else Copies(copy_to, sources, add=add)
    drawn = None if boxes is None else DrawnFields(boxes, sources, add=add)
    with ExitStack() as stack:
        verdicts = None
        if file is not None:
            kind = FieldAnswer if cells else Classified
            settings = {"force": force, "cells": cells}
            verdicts = stack.enter_context(
                verdict_file(file, artifact.sha256, settings, overwrite=overwrite, kind=kind)
            )
        yield Outputs(verdicts, copies, drawn, grouping)
