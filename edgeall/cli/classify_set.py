"""`edgeall classify` into a Parquet set, on the workers of a scheduler or in this process."""

import argparse
from collections import Counter
from contextlib import nullcontext

from edgeall.artifact import read
from edgeall.cli import verdict_lines
from edgeall.cli.classify import caveats, default_model
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.errors import UsageError

NOT_HERE = {"copy_to": "--copy-to", "cells": "--cells", "boxes": "--boxes", "by": "--by"}
"""Options that need pictures or answers in this process."""

_MOST_REASONS = 8


def run(args: argparse.Namespace, display: Display) -> int:
    """Classify, and print the census of the set."""
    from edgeall.cluster.job import classify_to_set
    from edgeall.cluster.parquet_set import SUFFIX
    from edgeall.pixels.folder import in_words

    if args.output is None or args.output.suffix.lower() != SUFFIX:
        raise UsageError(f"--scheduler writes a set of Parquet files: name its folder with -o NAME{SUFFIX}")
    for name, option in NOT_HERE.items():
        if getattr(args, name):
            raise UsageError(
                f"{option} is not for Parquet sets: leave it out, or write a .csv or .jsonl file"
            )
    artifact = read(args.model or default_model())
    caveats(artifact, display)
    with crash_message(artifact) if args.scheduler is None else nullcontext():
        census, listing = classify_to_set(
            artifact,
            args.paths,
            args.output,
            scheduler=args.scheduler,
            threads=args.threads,
            force=args.force,
            overwrite=args.overwrite,
            progress=display,
        )
    counts = census.counts
    counts.left_out = len(listing.left_out)
    for line in in_words(listing.left_out):
        display.note(line)
    _show("refused", census.refusals, display)
    _show("unreadable", census.errors, display)
    display.note(verdict_lines.summary(counts))
    display.emit({"set": str(args.output)} | census.to_dict())
    if counts.answered == 0:
        return 2
    return 1 if counts.unreadable or counts.decisions["refuse"] else 0


def _show(what: str, reasons: Counter[str], display: Display) -> None:
    for reason, count in reasons.most_common(_MOST_REASONS):
        display.note(f"  {count} {what}: {reason}")
