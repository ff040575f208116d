"""Checklists of reporting guidelines: one row an item; what the run knows is filled in, the rest is marked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgeall.cards.facts import Facts
from edgeall.cards.text import safe, table

TO_FILL_IN = "To fill in"
NOT_APPLICABLE = "Not applicable"


@dataclass(frozen=True)
class Item:
    """An item of a published checklist.

    Attributes:
        number: as published.
        topic: section and topic as published, in short.
        asks: what it asks for, in edgeall's words.
        tell: what is known of an artifact; its None is "not known". Without it nothing can be known.
        source: where `tell` has it from.
        left: what only the user knows; "" where `tell` says all that is asked.
        never: why the item does not apply to any artifact; then there is nothing else.
    """

    number: str
    topic: str
    asks: str
    tell: Callable[[Facts], str | None] | None = None
    source: str = ""
    left: str = ""
    never: str = ""

    def __post_init__(self) -> None:
        if bool(self.tell) != bool(self.source) or not (self.tell or self.left or self.never):
            raise ValueError(
                f"item {self.number}: an answer has a source, and an item one of three kinds of answer"
            )


@dataclass(frozen=True)
class Checklist:
    """A published checklist.

    Attributes:
        file: that it is written to.
        reference: its publication.
        wording: what is known of the licence of its wording.
    """

    file: str
    title: str
    reference: str
    wording: str
    items: tuple[Item, ...]


def render(checklist: Checklist, facts: Facts) -> str:
    """The checklist of one artifact as Markdown."""
    rows = [_row(item, facts) for item in checklist.items]
    open_items = sum(TO_FILL_IN in row[3] for row in rows)
    head = [
        f"# {checklist.title}: {safe(facts.name)}",
        "",
        f"{checklist.reference} {checklist.wording}",
        "",
        f"edgeall filled in what it knows of this file and its run. **{TO_FILL_IN}** marks what only you know: "
        f"{open_items} of {len(rows)} items. A filled-in item says what was done, not that it was enough.",
        "",
        *(f"- {safe(limit)}" for limit in facts.limits()),
        "",
        table(("item", "section", "what it asks for", "answer", "from"), rows),
        "",
    ]
    return "\n".join(head)


def _row(item: Item, facts: Facts) -> tuple[str, ...]:
    told = item.tell(facts) if item.tell is not None else None
    return (
        item.number,
        safe(item.topic),
        safe(item.asks),
        " ".join(_answer(item, told)),
        safe(item.source if told is not None else ""),
    )


def _answer(item: Item, told: str | None) -> Iterator[str]:
    if item.never:
        yield f"**{NOT_APPLICABLE}:** {safe(item.never)}"
        return
    if told is not None:
        yield safe(told)
    if item.left:
        yield f"**{TO_FILL_IN}:** {safe(item.left)}"
    elif told is None:
        yield f"**{TO_FILL_IN}:** {safe('neither the artifact nor its run says it.')}"
