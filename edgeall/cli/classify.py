"""`edgeall classify`: classifies images, folders or standard input."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.artifact import Artifact, files_of, is_artifact_name, read
from edgeall.cli import outcome, verdict_lines
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.errors import ImageError, UsageError

if TYPE_CHECKING:
    from edgeall.field import Answer
    from edgeall.field.outputs import Outputs
    from edgeall.golden.checking import Outcome

ENVIRONMENT = "EDGEALL_MODEL"
NOTICE = "research use only, not a medical device"
NOT_TESTED = "how often this model is right on test images is not known to the artifact"
NO_DOMAIN = "the artifact does not describe its training images: pictures unlike them are not refused"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help='images, folders (with all below them), patterns ("scans/*.jpg"), or - for standard input',
    )
    add_engine_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the verdicts to a .csv or .jsonl file, whole or not at all, or to a folder NAME.parquet of Parquet "
        "files (edgeall[cluster]); after an interruption the same command goes on",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="classify on the workers of this Dask scheduler (edgeall[cluster]), which must be trusted; PATH can also "
        "be a URL, or a .txt file with a path or URL a line; needs -o NAME.parquet",
    )
    parser.add_argument(
        "--copy-to",
        type=Path,
        metavar="DIR",
        help="copy each picture to DIR/positive, DIR/negative, DIR/refer or DIR/refuse",
    )
    add_cells_option(parser)
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="DIR",
        help="with --cells: write each field to DIR with its cells drawn",
    )
    parser.add_argument(
        "--by",
        choices=("folder", "subject"),
        metavar="folder|subject",
        help="also count verdicts for each folder (a slide), or each person in published file names",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace FILE, and add to DIR, where they exist already"
    )
    parser.epilog = (
        "Exit status: 0 all images have a verdict, 1 some are refused or cannot be read, 2 none can be read. "
        "Files in a folder that are not images are left out, and counted."
    )


def add_engine_options(
    parser: argparse.ArgumentParser,
    force: str = "give a verdict on pictures that would be refused, with the reasons beside it",
) -> None:
    """Add `--model`, `--threads` and `--force`, as every command that classifies has them. `force`: its help."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="ARTIFACT",
        help=f"the artifact to use (default: ${ENVIRONMENT}, or the only artifact in the current folder)",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="engine threads (default: 1)")
    parser.add_argument("--force", action="store_true", help=force)


def add_cells_option(parser: argparse.ArgumentParser) -> None:
    """Add `--cells`."""
    parser.add_argument(
        "--cells",
        action="store_true",
        help="the images are whole smear fields: find the white cells of each, and classify them one by one",
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Classify, and print each answer as soon as it is available."""
    if args.scheduler is not None or (args.output is not None and args.output.suffix.lower() == ".parquet"):
        from edgeall.cli import classify_set

        return classify_set.run(args, display)
    from edgeall.field import answers
    from edgeall.field.counts import Counts, Group
    from edgeall.pixels.folder import LeftOut, in_words

    artifact = read(args.model or default_model())
    caveats(artifact, display)
    counts, left_out, groups = Counts(), list[LeftOut](), list[Group]()
    trouble = 0
    with _outputs(args, artifact, display) as outputs, crash_message(artifact):
        known = None if outputs is None else outputs.known
        told = partial(selftested, display=display)
        found = answers(
            artifact,
            args.paths,
            args.threads,
            force=args.force,
            cells=args.cells,
            known=known,
            selftested=told,
        )
        for answer in found:
            if isinstance(answer, LeftOut):
                left_out.append(answer)
                continue
            counts.add(answer.result)
            if outputs is not None:
                trouble += _add(outputs, answer, display)
            try:
                verdict_lines.show(answer.result, artifact.metadata.decision, display)
            except BrokenPipeError:
                # The reader of standard output has closed it (`| head`). What is written to files is still wanted.
                if outputs is None:
                    raise
                display.discard_results()
        counts.left_out = len(left_out)
        if outputs is not None:
            groups = outputs.finish()
    verdict_lines.show_groups(groups, display)
    for line in in_words(left_out):
        display.note(line)
    if counts.inputs > 1 or args.cells:
        display.note(verdict_lines.summary(counts, args.cells))
    if counts.answered == 0:
        return 2
    return 1 if counts.unreadable or counts.decisions["refuse"] or trouble else 0


def _add(outputs: "Outputs", answer: "Answer", display: Display) -> int:
    """Hand an answer to the outputs; 1 where its picture could not be read again."""
    try:
        outputs.add(answer)
    except ImageError as error:
        display.error(str(error))
        return 1
    return 0


@contextmanager
def _outputs(args: argparse.Namespace, artifact: Artifact, display: Display) -> "Iterator[Outputs | None]":
    if all(each is None for each in (args.output, args.copy_to, args.boxes, args.by)):
        yield None
        return
    from edgeall.field.outputs import outputs

    with outputs(
        artifact,
        args.paths,
        file=args.output,
        copy_to=args.copy_to,
        boxes=args.boxes,
        by=args.by,
        force=args.force,
        cells=args.cells,
        overwrite=args.overwrite,
    ) as made:
        if made.file is not None and made.file.resumed:
            display.note(f"{args.output}: goes on after {made.file.resumed} verdicts of an interrupted call")
        yield made


def default_model() -> Path:
    """The artifact that is meant where none is named.

    Raises:
        UsageError: there is none, or several.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    # An .xml file can be anything, but an OpenVINO artifact has its weights beside it.
    here = sorted(
        path
        for path in Path().iterdir()
        if is_artifact_name(path) and all(file.is_file() for file in files_of(path))
    )
    if len(here) == 1:
        return here[0]
    names = ", ".join(map(str, here[:4])) + (", ..." if len(here) > 4 else "")
    found = f"{len(here)} artifacts ({names})" if here else "no artifact"
    raise UsageError(f"{found} in the current folder: give one with --model, or set {ENVIRONMENT}")


def selftested(outcome: "Outcome", display: Display) -> None:
    """Say that the golden pictures were run."""
    display.note(
        f"selftest: {outcome.engine} {outcome.version} answers right here ({outcome.milliseconds:.0f} ms)"
    )


def caveats(artifact: Artifact, display: Display) -> list[str]:
    """Say what is known, and what not, of the answers of an artifact; returns what speaks against relying on them."""
    from edgeall.golden.checkable import uncheckable

    display.note(NOTICE)
    test = artifact.metadata.test
    if test is not None:
        display.note(test.in_words)
    unknown = [
        NOT_TESTED if test is None else None,
        NO_DOMAIN if artifact.metadata.domain is None else None,
        uncheckable(artifact),
    ]
    notes, warning = [line for line in unknown if line is not None], _parity_warning(artifact)
    for line in notes:
        display.note(line)
    if warning is None:
        return notes
    display.warn(f"{artifact.path}: {warning}")
    return [warning, *notes]


def _parity_warning(artifact: Artifact) -> str | None:
    parity = artifact.metadata.parity
    if parity is None:
        return "its parity with its Keras model was not measured"
    if parity.word == "failed":
        return f"differs from its Keras model (parity {outcome.failed(parity)}): do not rely on its verdicts"
    if parity.word == "unproven":
        return f"not shown to be equivalent to its Keras model: parity {outcome.unproven(parity)}"
    return None
