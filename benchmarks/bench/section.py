"""What a section of `make bench` is, and the rows that it yields.

A section is a module: it names itself, says why it cannot be measured here, and yields rows. Rules for all:

- Ways are compared in interleaved rounds, by `Rounds.measure`. Every finished round is a line of JSON in the section's
  folder, and is not measured again. An interrupted round is.
- A ratio is edgeall's figure by that of the other, with an interval over rounds by `bench.ratios.ratio`: one function
  for all sections.
- A goal is met where the whole interval is on its good side, missed where the whole interval is on the bad one.
  Otherwise neither is shown.
- Rounds hold for a basis: the code of edgeall and of the section, the machine, and what the section names. Rounds of
  another basis stay on disk and are not used.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bench.rounds import Rounds
from edgeall.statistics import Estimate

Outcome = Literal["met", "missed", "not shown"]


@dataclass(frozen=True)
class Goal:
    """Limits of a ratio, both included; None where there is none."""

    most: float | None = None
    least: float | None = None

    def outcome(self, ratio: Estimate) -> Outcome:
        """Whether the limits are kept by all of the interval, by none of it, or neither is shown."""
        low, high = ratio.low, ratio.high
        if low is None or high is None:
            return "not shown"
        most = float("inf") if self.most is None else self.most
        least = float("-inf") if self.least is None else self.least
        if least <= low and high <= most:
            return "met"
        return "missed" if low > most or high < least else "not shown"

    def __str__(self) -> str:
        parts = [
            f"{word} {limit:g}"
            for word, limit in (("at least", self.least), ("at most", self.most))
            if limit is not None
        ]
        return " and ".join(parts)


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        what: was measured, in plain text.
        ours, peers: typical figures in `unit`, of edgeall and of what it is compared with; None where there is none.
        peer: name of what it is compared with.
        unit: of `ours` and `peers`; empty for plain numbers.
        ratio: ours by peers, with its interval over `rounds`; for growth, the slope. None where the row is of something
            else, such as a paired test, which `note` tells.
        rounds: number of interleaved rounds; 0 for figures that do not vary, such as the size of a file.
        goal: of `ratio`.
        judged: the outcome where it is not that of `goal` and `ratio`, such as that of a paired test.
        note: plain text; what else must be known.
    """

    what: str
    ours: float | None
    peers: float | None
    peer: str
    unit: str
    ratio: Estimate | None
    rounds: int
    goal: Goal | None = None
    judged: Outcome | None = None
    note: str = ""

    @property
    def outcome(self) -> Outcome | None:
        """None where the row has no goal."""
        if self.judged is not None or self.goal is None:
            return self.judged
        return "not shown" if self.ratio is None else self.goal.outcome(self.ratio)


@dataclass(frozen=True)
class Bench:
    """What a section works with.

    Attributes:
        quick: the section takes about a minute: fewer rounds, smaller models, fewer cases.
        folder: of the section and its basis, for raw data; it is there.
        shared: for what outlives a basis and sections share, such as environments of peers and trained runs; it is
            there. What is put there has its recipe in its name.
        rounds: finished and new ones, in `folder`.
        options: what the user has given, such as "artifact" or "run", as paths.
        say: tells the user what is going on, a line at a time.
    """

    quick: bool
    folder: Path
    shared: Path
    rounds: Rounds
    options: Mapping[str, Path]
    say: Callable[[str], None]


class Section(Protocol):
    """A module of `bench.sections`.

    Attributes:
        NAME: of its module and page: letters and underscores.
        TITLE: heading of its table.
        ABOUT: Markdown above the table: what is compared, how, and the goals in words.
    """

    NAME: str
    TITLE: str
    ABOUT: str

    def lacking(self, options: Mapping[str, Path], shared: Path) -> str | None:
        """Why it cannot be measured here, and the way out, in a sentence; None where it can."""
        ...

    def basis(self, options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
        """What its rounds hold for beside code and machine: versions of engines and peers, artifacts by SHA-256.

        Fast: it must not install, train or export.
        """
        ...

    def measure(self, bench: Bench) -> Iterator[Row]:
        """Measure what is not measured yet, and yield all rows."""
        ...
