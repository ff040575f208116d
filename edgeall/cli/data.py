"""`edgeall data synth|check|split`: makes a synthetic dataset, takes a census of one, splits one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.cli.display import Display, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from edgeall.datasets import Census, Unreadable
    from edgeall.runs import Split


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    synth = verbs.add_parser(
        "synth", help="make a synthetic dataset: smears in ALL-IDB1's layout, or cells in ALL-IDB2's"
    )
    synth.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    synth.add_argument(
        "--cells", action="store_true", help="single white cells instead of whole smear fields"
    )
    synth.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default: %(default)s)")
    synth.add_argument(
        "--healthy", type=int, metavar="N", help="healthy images (default: 59; with --cells 130)"
    )
    synth.add_argument(
        "--leukaemia", type=int, metavar="N", help="images with blasts (default: 49; with --cells 130)"
    )
    synth.add_argument(
        "--size", type=_size, metavar="WxH", help="pixels (default: 1296x972; with --cells 257x257)"
    )
    synth.add_argument("--overwrite", action="store_true", help="replace an existing dataset at OUT")
    synth.set_defaults(_verb=_synth)

    check = verbs.add_parser(
        "check",
        help="take a census: layout, classes, subjects, resolutions, duplicates, unreadable files, leaks",
        description="Take a census of a folder of images. Exit status 1 if files are unreadable, parts that the folder "
        "assigns share a subject or a picture, one file is in two classes, or names contradict their folders.",
    )
    split = verbs.add_parser(
        "split", help="write a split into train, val and test, for: edgeall train --split FILE"
    )
    for verb in (check, split):
        verb.add_argument("dir", type=Path, metavar="DIR", help="folder of images")
        verb.add_argument("--positive", nargs="+", metavar="CLASS", help="the positive classes")
    check.set_defaults(_verb=_check)
    split.add_argument("-o", "--output", type=Path, default=Path("split.json"), help="(default: %(default)s)")
    split.add_argument(
        "--fractions",
        type=float,
        nargs=3,
        metavar=("TRAIN", "VAL", "TEST"),
        help="shares; VAL can be 0 (default: 0.6 0.2 0.2)",
    )
    split.add_argument("--seed", type=int, default=0, help="same seed, same split (default: %(default)s)")
    split.add_argument("--resplit", action="store_true", help="ignore the train, val and test folders in DIR")
    split.add_argument("--overwrite", action="store_true", help="replace the file")
    split.set_defaults(_verb=_split)


def run(args: argparse.Namespace, display: Display) -> int:
    return int(args._verb(args, display))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not WIDTHxHEIGHT, as in 1296x972")
    return int(width), int(height)


def _synth(args: argparse.Namespace, display: Display) -> int:
    """JSON: out, layout, images, healthy, leukaemia, size: [width, height], seed."""
    from edgeall.datasets import read_dataset, synthesize
    from edgeall.datasets.synthetic import CELLS, FIELDS

    size = args.size or (CELLS if args.cells else FIELDS).size
    synthesize(
        args.out,
        cells=args.cells,
        seed=args.seed,
        healthy=args.healthy,
        leukaemia=args.leukaemia,
        size=size,
        overwrite=args.overwrite,
        progress=display,
    )
    made = read_dataset(args.out)
    counts = made.counts()
    display.show(
        f"{args.out}: {len(made.samples)} synthetic images ({counts['healthy']} healthy, {counts['ALL']} ALL), "
        f"layout {made.layout}. For trying the software only; figures on them are no evidence about leukaemia."
    )
    display.emit(
        {"out": str(args.out), "layout": made.layout, "images": len(made.samples)}
        | {
            "healthy": counts["healthy"],
            "leukaemia": counts["ALL"],
            "size": list(size),
            "seed": args.seed,
        }
    )
    return 0


def _check(args: argparse.Namespace, display: Display) -> int:
    from edgeall.datasets import read_dataset, take_census

    census = take_census(read_dataset(args.dir, args.positive), display)
    display.show(_census_table(census))
    display.emit(census.to_dict())
    return 0 if census.sound else 1


def _split(args: argparse.Namespace, display: Display) -> int:
    """JSON: the file's document, with its path as `path` and `unreadable`: [{name, reason}]."""
    from edgeall import files
    from edgeall.datasets import FRACTIONS, make_split, read_dataset, save_split, split_to_dict

    files.refuse_overwrite(args.output, args.overwrite)
    dataset = read_dataset(args.dir, args.positive)
    for note in dataset.notes:
        display.note(note)
    split, unreadable = make_split(
        dataset,
        fractions=args.fractions or FRACTIONS,
        seed=args.seed,
        keep_given=not args.resplit,
        progress=display,
    )
    save_split(args.output, split)
    display.show(_split_table(split, dataset.labels))
    _warn_of_unreadable(unreadable, display)
    display.show(
        f"written to {args.output}; train on it with: edgeall train {args.dir} --split {args.output}"
    )
    display.emit(
        {"path": str(args.output)}
        | split_to_dict(split)
        | {"unreadable": [{"name": image.name, "reason": image.reason} for image in unreadable]}
    )
    return 1 if unreadable else 0


def _warn_of_unreadable(unreadable: "tuple[Unreadable, ...]", display: Display) -> None:
    for image in unreadable:
        display.warn(f"left out: {image.name}: {image.reason}")


def _split_table(split: "Split", labels: tuple[str, ...]) -> "RenderableType":
    from rich.table import Table

    from edgeall.datasets import split_kind
    from edgeall.runs import PARTS

    table = Table(title=f"split {split_kind(split.grouped_by)}", title_justify="left")
    for column in ("part", *labels, "images", "subjects"):
        table.add_column(column, justify="left" if column == "part" else "right")
    for part in PARTS:
        members = split.part(part)
        counts = [str(sum(member.label == label for member in members)) for label in labels]
        subjects = (
            len({member.subject for member in members}) if split.grouped_by == "subject" else "not known"
        )
        table.add_row(part, *counts, str(len(members)), str(subjects))
    return table


_SHOWN = 10


def _census_table(census: "Census") -> "RenderableType":
    """The census as a table with a row for each finding; long lists are shortened."""
    from rich.table import Table
    from rich.text import Text

    from edgeall.datasets import split_kind

    dataset = census.dataset
    table = Table(title=Text(visible(str(dataset.root))), title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("layout", dataset.layout)
    for note in dataset.notes:
        table.add_row("note", visible(note))
    for label, images in census.classes.items():
        role = "positive" if label in dataset.positive else "negative"
        table.add_row(visible(f"class {label}"), f"{images} images, {role}")
        if census.subjects:
            own = census.subjects[label]
            table.add_row(
                "", f"{len(own)} subjects: " + _few([f"{name} ({count})" for name, count in own.items()])
            )
    if not census.subjects:
        table.add_row("subjects", f"not known: a split is {split_kind('image')}")
    if census.splits:
        table.add_row("given parts", _few([f"{name} {count}" for name, count in census.splits.items()]))
    sizes = [f"{width} x {height} ({count})" for (width, height), count in census.resolutions.items()]
    table.add_row("resolutions", _few(sizes))
    table.add_row("formats", _few([f"{name} ({count})" for name, count in census.formats.items()]))
    if census.image_notes:
        noted = [f"{note} ({images} images)" for note, images in census.image_notes.items()]
        table.add_row("of images", _lines(noted))
    for mark in census.marks:
        table.add_row("corner mark", str(mark))
    for reason, names in census.unfit.items():
        table.add_row("unfit", f"{len(names)} images: {reason} ({_few(list(names))})")
    for title, groups in (
        ("exact duplicates", census.exact_duplicates),
        ("same picture", census.near_duplicates),
        ("in two classes", census.conflicts),
    ):
        table.add_row(title, _lines([" = ".join(group) for group in groups]))
    table.add_row("unreadable", _lines([f"{image.name}: {image.reason}" for image in census.unreadable]))
    if census.splits:
        table.add_row(
            "leaks", _lines([f"{leak.kind} {leak.what} in {_and(leak.splits)}" for leak in census.leaks])
        )
    return table


def _few(items: list[str]) -> str:
    rest = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(map(visible, items[:_SHOWN])) + rest


def _lines(items: list[str]) -> str:
    if not items:
        return "none"
    rest = [f"… and {len(items) - _SHOWN} more (all with --json)"] if len(items) > _SHOWN else []
    return "\n".join([f"{len(items)}:", *map(visible, items[:_SHOWN]), *rest])


def _and(words: tuple[str, ...]) -> str:
    return " and ".join(words)
