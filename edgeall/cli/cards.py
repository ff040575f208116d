"""`edgeall cards`: model cards, ML-BOMs and reporting checklists of artifacts."""

import argparse
from pathlib import Path

from edgeall.cli.display import Display
from edgeall.cli.result_files import find


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "names",
        metavar="RUN|ARTIFACT",
        nargs="*",
        type=Path,
        help="runs (all their exports) or artifacts (default: every run's exports)",
    )
    parser.add_argument(
        "--results",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="result files of bench, or run folders (default: those of each artifact's run)",
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, type=Path, help="write a folder an artifact to DIR"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace folders that are there")


def run(args: argparse.Namespace, display: Display) -> int:
    """Write the cards."""
    from edgeall import cards
    from edgeall.benching import find_artifacts

    found = cards.gather(find_artifacts(args.names), None if args.results is None else find(args.results))
    folders = cards.write_cards(found, args.output, overwrite=args.overwrite)
    made = [
        {"artifact": str(facts.artifact.path), "sha256": facts.artifact.sha256, "folder": str(folder),
         "files": [str(folder / name) for name in sorted(file.name for file in folder.iterdir())],
         "devices": [bench.device for bench in facts.benches]}
        for facts, folder in zip(found, folders, strict=True)
    ]  # fmt: skip
    display.emit({"cards": made})
    for each in found:
        if not each.benches:
            display.warn(f"{each.artifact.path}: no device was measured, and the cards say so")
    display.show(*(f"wrote {folder}" for folder in folders))
    return 0
