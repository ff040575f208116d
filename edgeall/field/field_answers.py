"""The answer on a whole smear field: verdicts on its white cells."""

from collections import Counter
from typing import Any, Literal

from edgeall import documents
from edgeall.cells import Box
from edgeall.field.answers import (
    CheckDocument,
    VerdictDocument,
    checks_to_dict,
    verdict_from,
    verdict_to_dict,
)
from edgeall.field.verdict import OUTCOMES, Outcome, Verdict
from edgeall.pixels.quality import Quality
from edgeall.values import dataclass


@dataclass(frozen=True)
class CellAnswer:
    """The answer on one cell of a field.

    Attributes:
        box: in pixels of the file's picture, upright.
        verdict, quality, unlike: as those of `Classified`, of the cell's cut-out.
    """

    box: Box
    verdict: Verdict | None
    quality: Quality
    unlike: tuple[str, ...] | None

    @property
    def decision(self) -> Outcome:
        """The verdict's decision, or "refuse"."""
        return "refuse" if self.verdict is None else self.verdict.decision

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the cell is refused or, with a verdict, is doubtful."""
        return (*self.quality.reasons, *(self.unlike or ()))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: box (left, top, right, bottom), label, probability, score, decision, quality, domain."""
        return {
            "box": [self.box.left, self.box.top, self.box.right, self.box.bottom],
            **verdict_to_dict(self.verdict),
            "decision": self.decision,
            **checks_to_dict(self.quality, self.unlike),
        }


@dataclass(frozen=True)
class FieldAnswer:
    """The answer on a whole field: one for each white cell that was found.

    Attributes:
        size: width and height of the file's picture, upright.
        quality: of the field: whether it is fit, and has red cells.
        refused: whether the field is, by its quality; it has no cells then.
        cells: by the top of their boxes. A field without white cells has none.
        path, threshold, model, ms, notes: as those of `Classified`.
    """

    path: str
    size: tuple[int, int]
    quality: Quality
    refused: bool
    cells: tuple[CellAnswer, ...]
    threshold: float
    model: str
    ms: float
    notes: tuple[str, ...] = ()

    @property
    def decisions(self) -> tuple[Outcome, ...]:
        """The decision on each cell, or the one to refuse the field."""
        return ("refuse",) if self.refused else tuple(cell.decision for cell in self.cells)

    @property
    def has_doubtful_verdicts(self) -> bool:
        """Whether there are verdicts although the field, or a cell, would be refused."""
        return not self.refused and (not self.quality.ok or any(c.verdict and c.doubts for c in self.cells))

    @property
    def counts(self) -> dict[Outcome, int]:
        """Number of decisions of each kind."""
        found = Counter(self.decisions)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, size, quality, decision, cells, counts, threshold, model, ms, notes.

        `decision` is "refuse", or null where the cells have one each.
        """
        return {
            "path": self.path,
            "size": list(self.size),
            "quality": {"ok": self.quality.ok, "reasons": list(self.quality.reasons)},
            "decision": "refuse" if self.refused else None,
            "cells": [cell.to_dict() for cell in self.cells],
            "counts": self.counts,
            "threshold": self.threshold,
            "model": self.model,
            "ms": round(self.ms, 3),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, document: Any) -> "FieldAnswer":
        """Rebuild from `to_dict`'s output.

        Raises:
            DocumentError: a key is missing, or a value is of another type.
        """
        read = documents.build(_FieldDocument, document)
        cells = tuple(
            CellAnswer(
                Box(*cell.box),
                verdict_from(cell),
                Quality(cell.quality.reasons),
                None if cell.domain is None else cell.domain.reasons,
            )
            for cell in read.cells
        )
        return cls(
            read.path,
            read.size,
            Quality(read.quality.reasons),
            read.decision == "refuse",
            cells,
            read.threshold,
            read.model,
            read.ms,
            read.notes,
        )


@dataclass(frozen=True)
class _CellDocument(VerdictDocument):
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class _FieldDocument:
    path: str
    size: tuple[int, int]
    quality: CheckDocument
    decision: Literal["refuse"] | None
    cells: tuple[_CellDocument, ...]
    threshold: float
    model: str
    ms: float
    notes: tuple[str, ...]
