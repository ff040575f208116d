"""Which pictures a model's domain takes and which it refuses, on images that had no say in it.

    make domain DATA=../shared/data                   # the table of benchmarks/results
    python benchmarks/domain.py DATA --photographs DIR --out FILE

DATA has C-NMC 2019 (`cnmc/`), BCCD (`bccd/`) and BCCD's boxes (`bccd-boxes.csv`). Photographs are those in the wheel of
scikit-image; the make target unpacks them into `.venv-photographs`, and without them their rows are left out. No
network is trained: a domain depends on images alone.

Models are three: of C-NMC cells (eight folds, each without one person), of whole fields (each half of BCCD by number),
and of drawn smears (`edgeall data synth`). `describe` sees the training and validation images of a fold, and nothing
else. It leaves one of their people out at a time (a tenth of the images where people are not known), and stretches the
limits until they take 98 % of that person's images and of mild shifts of them. The person, half or smears that are
judged below had no part in that, and neither had any set that is to be refused.

The figures that a domain consists of, and the shifts that it leaves room for, were chosen while these sets were at
hand. That is no choice of a limit; but pictures of yet another kind may show more.
"""

import argparse
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from domain_pictures import (
    PHOTOGRAPHS,
    SIZE,
    Set,
    foreign_sets,
    of,
    read_cells,
    read_drawn,
    read_fields,
    white_cells,
    without,
)

from edgeall import files
from edgeall.artifact import Domain
from edgeall.domain import unlike
from edgeall.markdown_table import table
from edgeall.pixels import ByteImage, Picture
from edgeall.shifts.changes import blur, brightness, grey, jpeg
from edgeall.shifts.mild import restained
from edgeall.statistics.estimate import wilson

GOAL_TAKEN, GOAL_REFUSED = 0.05, 0.99

Change = Callable[[ByteImage], ByteImage]

MILD: Mapping[str, Change] = {
    "brightness -15 %": partial(brightness, factor=0.85),
    "brightness +15 %": partial(brightness, factor=1.15),
    "JPEG 85": partial(jpeg, quality=85),
    **{
        f"haematoxylin {h:+d} %, eosin {e:+d} %": partial(
            restained, haematoxylin=1 + h / 100, eosin=1 + e / 100
        )
        for h in (-2, 2)
        for e in (-2, 2)
    },
}
STRONGER: Mapping[str, Change] = {
    "brightness -30 %": partial(brightness, factor=0.7),
    "brightness +30 %": partial(brightness, factor=1.3),
    "brightness +50 %": partial(brightness, factor=1.5),
    "JPEG 50": partial(jpeg, quality=50),
    "haematoxylin -10 %, eosin +10 %": partial(restained, haematoxylin=0.9, eosin=1.1),
    "haematoxylin +10 %, eosin -10 %": partial(restained, haematoxylin=1.1, eosin=0.9),
    "haematoxylin -25 %, eosin +25 %": partial(restained, haematoxylin=0.75, eosin=1.25),
    "haematoxylin +25 %, eosin -25 %": partial(restained, haematoxylin=1.25, eosin=0.75),
    "blur 1 px": partial(blur, radius=1),
    "blur 1.5 px": partial(blur, radius=1.5),
    "blur 2 px": partial(blur, radius=2),
}


def inside(pixels: ByteImage, radius: float) -> ByteImage:
    """Blurred without its outline: an unsharp cell that was cut out sharply."""
    lit = pixels.max(axis=-1, keepdims=True) > 24
    return np.where(lit, blur(pixels, radius), pixels)


UNFIT: Mapping[str, Change] = {
    "blur 3 px": partial(blur, radius=3),
    "blur 3 px inside the outline": partial(inside, radius=3),
    "blur 4 px": partial(blur, radius=4),
    "blur 6 px": partial(blur, radius=6),
    "blur 10 px": partial(blur, radius=10),
    "grey": grey,
}


@dataclass(frozen=True)
class Row:
    """A line of a table: pictures that were refused, of how many, and whether they should have been."""

    name: str
    refused: int
    n: int
    wanted: str = ""

    def cells(self) -> list[str]:
        """As the table has them."""
        low, high = wilson(self.refused / self.n, self.n)
        share = f"{self.refused / self.n:.1%} ({low:.1%} to {high:.1%})"
        return [self.name, f"{self.refused} of {self.n}", share, self.wanted, self.verdict()]

    def verdict(self) -> str:
        """Whether the goal is reached, where there is one."""
        share = self.refused / self.n
        reached = {TAKE: share <= GOAL_TAKEN, REFUSE: share >= GOAL_REFUSED}.get(self.wanted)
        return "" if reached is None else "yes" if reached else "NO"


TAKE, REFUSE = "at most 5 %", "at least 99 %"
HEADER = ("pictures", "refused", "share (95 % Wilson interval)", "goal", "reached")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--photographs", type=Path, help="folder skimage/data of an unpacked scikit-image wheel"
    )
    parser.add_argument("--out", type=Path, help="Markdown file to write the result to")
    args = parser.parse_args()
    text = "\n".join(report(args.data, args.photographs)) + "\n"
    print(text)
    if args.out is not None:
        files.write_text(args.out, text)


def report(data: Path, photographs: Path | None) -> Iterator[str]:
    """The page, part by part."""
    cells, fields, drawn = read_cells(data, SIZE), read_fields(data, SIZE), read_drawn(SIZE)
    others = foreign_sets(photographs)
    yield f"# Domains: what is taken, what is refused\n\n{__doc__.strip()}\n"
    yield from cells_model(cells, fields, drawn, others, data)
    yield from fields_model(fields, cells, others)
    yield from drawn_model(drawn, cells, others)
    yield from other_sizes(data)
    yield from few_images(cells, fields)
    yield from cost(cells)
    yield closing(photographs)


def cells_model(
    cells: Set, fields: Set, drawn: Set, others: Mapping[str, Sequence[Picture]], data: Path
) -> Iterator[str]:
    """The model of single cells: eight folds, each judged on the person that it has not seen."""
    people = sorted(set(map(str, cells.subjects)))
    domains = {person: without(cells, person).domain() for person in people}
    note("cells: folds")
    own = {person: of(cells, person).pictures for person in people}

    def pooled(name: str, change: Callable[[Picture, int], Picture], wanted: str = "") -> Row:
        judged = [
            bool(unlike(domains[person], change(picture, index)))
            for person in people
            for index, picture in enumerate(own[person])
        ]
        return Row(name, sum(judged), len(judged), wanted)

    def worst(name: str, pictures: Sequence[Picture], wanted: str = "") -> Row:
        """Of the fold that refuses the fewest."""
        return min(
            (judge(name, domain, pictures, wanted) for domain in domains.values()),
            key=lambda row: row.refused,
        )

    yield "## A model of single cells on black (C-NMC 2019, 300 cells of 8 people)\n"
    yield (
        "Each person's cells, judged by the domain of the seven others. The last column is the share that this "
        "domain's\nlimits took of the images, and mild shifts, of these seven, each left out in turn:\n"
    )
    rows = []
    for person in people:
        row = judge(person, domains[person], own[person])
        shifted = [changed(change)(each, 0) for change in MILD.values() for each in own[person]]
        mild = judge(person, domains[person], shifted)
        rows.append([*row.cells()[:3], f"{mild.refused} of {mild.n}", f"{1 - domains[person].refused:.1%}"])
    header = (
        "person",
        "refused",
        "share (95 % Wilson interval)",
        "mild shifts refused",
        "taken of left-out people",
    )
    yield table(header, rows)
    yield "\nPooled over the folds. Sets that are not of the person are judged by all eight domains, and the one that"
    yield "refuses the fewest is shown:\n"
    lines = [pooled("unseen people's cells", lambda picture, _: picture, TAKE)]
    lines += [pooled(name, changed(change), TAKE) for name, change in MILD.items()]
    lines += [pooled(f"stronger: {name}", changed(change)) for name, change in STRONGER.items()]
    lines += [pooled(name, changed(change), REFUSE) for name, change in UNFIT.items()]
    lines += [pooled("laid on a pale background", on_pale, REFUSE)]
    lines += [worst("BCCD, whole fields", fields.pictures, REFUSE)]
    lines += [worst(name, pictures, REFUSE) for name, pictures in others.items()]
    lines += [worst("drawn smears", drawn.pictures)]
    lines += [worst(name, pictures) for name, pictures in white_cells(data).items()]
    yield table(HEADER, [row.cells() for row in lines]) + "\n"
    note("cells: done")


def fields_model(fields: Set, cells: Set, others: Mapping[str, Sequence[Picture]]) -> Iterator[str]:
    """The model of whole fields: half of BCCD, judged on the other half, and the other way."""
    middle = len(fields) // 2
    halves = fields.those(range(middle)), fields.those(range(middle, len(fields)))
    yield f"## A model of whole fields (half of BCCD, {middle} of {len(fields)} fields; people are not known)\n"
    yield "Both halves by number, each judged by the other's domain; other sets by the domain that refuses fewer:\n"
    yield halved(halves, {"single cells on black (C-NMC)": cells.pictures, **others}, STRONGER | UNFIT)
    note("fields: done")


def drawn_model(drawn: Set, cells: Set, others: Mapping[str, Sequence[Picture]]) -> Iterator[str]:
    """The model of drawn smears, judged on smears drawn from another seed."""
    unseen = read_drawn(SIZE, seed=1)
    yield f"## A model of drawn smears (`edgeall data synth`, {len(drawn)} smears)\n"
    yield "Smears of two seeds, each judged by the other's domain; other sets by the domain that refuses fewer:\n"
    yield halved(
        (drawn, unseen), {"single cells on black (C-NMC)": cells.pictures, **others}, STRONGER | UNFIT
    )
    note("drawn: done")


def halved(
    halves: tuple[Set, Set], others: Mapping[str, Sequence[Picture]], changes: Mapping[str, Change]
) -> str:
    """The table of two halves that are judged by each other's domain."""
    domains = [half.domain() for half in halves]

    def pooled(name: str, change: Callable[[Picture, int], Picture], wanted: str = "") -> Row:
        judged = [
            bool(unlike(domain, change(picture, index)))
            for domain, half in zip(domains, reversed(halves), strict=True)
            for index, picture in enumerate(half.pictures)
        ]
        return Row(name, sum(judged), len(judged), wanted)

    lines = [pooled("unseen ones", lambda picture, _: picture, TAKE)]
    lines += [pooled(name, changed(change), TAKE) for name, change in MILD.items()]
    for name, change in changes.items():
        unfit = name in UNFIT
        if "inside" not in name:
            lines.append(
                pooled(name if unfit else f"stronger: {name}", changed(change), REFUSE if unfit else "")
            )
    for name, pictures in others.items():
        rows = [judge(name, domain, pictures, REFUSE) for domain in domains]
        lines.append(min(rows, key=lambda row: row.refused))
    return table(HEADER, [row.cells() for row in lines]) + "\n"


def other_sizes(data: Path) -> Iterator[str]:
    """The folds of cells again, at the input sizes of other models."""
    yield "## Other input sizes (C-NMC, pooled over the eight folds)\n"
    rows = []
    for size in (96, 299):
        cells = read_cells(data, size)
        people = sorted(set(map(str, cells.subjects)))
        domains = {person: without(cells, person).domain() for person in people}
        cells_of = [(domains[person], picture) for person in people for picture in of(cells, person).pictures]
        shares = [str(size)]
        for change in (None, UNFIT["blur 3 px"], UNFIT["grey"]):
            refused = [
                bool(unlike(domain, picture if change is None else changed(change)(picture, 0)))
                for domain, picture in cells_of
            ]
            shares.append(f"{sum(refused)} of {len(refused)}")
        rows.append(shares)
        note(f"size {size}")
    header = ("input", "unseen people's cells refused", "blur (3 px of 224) refused", "grey refused")
    yield table(header, rows) + "\n"


def few_images(cells: Set, fields: Set) -> Iterator[str]:
    """Domains of few images."""
    yield "## Domains of few images\n"
    yield "Images taken evenly; cells are judged on person H7, fields on BCCD's second half. Fewer than 20 images have"
    yield "no domain.\n"
    seen, judged_cells = without(cells, "H7"), of(cells, "H7").pictures
    middle = len(fields) // 2
    first, judged_fields = fields.those(range(middle)), fields.those(range(middle, len(fields))).pictures
    rows = []
    for name, images, judged in (("cells", seen, judged_cells), ("fields", first, judged_fields)):
        for count in (20, 40, 80, len(images)):
            domain = images.those(index * len(images) // count for index in range(count)).domain()
            shares = [f"{name}: {count}"]
            for change in (None, UNFIT["blur 3 px"], UNFIT["grey"]):
                pictures = judged if change is None else [changed(change)(picture, 0) for picture in judged]
                row = judge("", domain, pictures)
                shares.append(f"{row.refused} of {row.n}")
            other = judge("", domain, fields.pictures if name == "cells" else cells.pictures)
            rows.append([*shares, f"{other.refused} of {other.n}"])
    yield (
        table(
            ("images", "unseen refused", "blur 3 px refused", "grey refused", "the other kind refused"), rows
        )
        + "\n"
    )


def cost(cells: Set) -> Iterator[str]:
    """Processor time of one judgement."""
    domain, picture = cells.domain(), cells.pictures[0]
    picture = Picture(np.ascontiguousarray(picture.pixels), picture.size)
    once = (
        min(timeit.repeat(lambda: unlike(domain, picture), timer=time.thread_time, number=20, repeat=100))
        / 20
    )
    yield "## Cost\n"
    yield f"`unlike` takes {once * 1e3:.2f} ms of processor time for {SIZE} x {SIZE} pixels (least of 100 times 20).\n"


def closing(photographs: Path | None) -> str:
    """What is not in the tables."""
    left_out = (
        "Photographs are left out: scikit-image was not given.\n\n"
        if photographs is None
        else f"{len(PHOTOGRAPHS)} photographs, each whole and in quarters.\n\n"
    )
    return left_out + (
        "Features of the network and a Mahalanobis distance are not part of a domain. Figures of the picture, each\n"
        "with its limits, reach every goal that is marked, and leave nothing for the others to add on these sets.\n\n"
        "Cells of another laboratory (white cells cut from BCCD) have no goal. They are brighter and less purple than\n"
        "those of C-NMC, also where they are cut out, and no accuracy is known for them."
    )


def judge(name: str, domain: Domain, pictures: Sequence[Picture], wanted: str = "") -> Row:
    """Pictures that a domain refuses."""
    return Row(name, sum(bool(unlike(domain, picture)) for picture in pictures), len(pictures), wanted)


def changed(change: Change) -> Callable[[Picture, int], Picture]:
    """A change of bytes as one of a picture."""
    return lambda picture, _: Picture(change(picture.pixels), picture.size)


def on_pale(picture: Picture, index: int) -> Picture:
    """The cell on the background of an ordinary smear: pale, slightly tinted and noisy."""
    rng = np.random.default_rng([5, index])
    shade = rng.uniform(170, 245) * rng.uniform(0.93, 1.0, 3)
    background = shade + rng.normal(0, 3, picture.pixels.shape)
    black = picture.pixels.max(axis=-1, keepdims=True) <= 12
    laid = np.where(black, background, picture.pixels)
    return Picture(np.clip(laid, 0, 255).astype(np.uint8), picture.size)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
