"""`edgeall explain`: which parts of a picture a model's answer rests on."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall import artifact as artifacts
from edgeall.artifact import Artifact
from edgeall.cli import classify, verdict_lines
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.errors import ImageError, UsageError
from edgeall.files import refuse_overwrite, replacing

if TYPE_CHECKING:
    from edgeall.explaining import Explained, Explanation
    from edgeall.field import Found


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("picture", metavar="PICTURE", help="one image file, or - for standard input")
    classify.add_engine_options(parser, "explain a picture that would be refused, with the reasons beside it")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the map over the picture to a .png file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE where it exists already")
    parser.epilog = (
        "Exit status: 0 the map is an explanation, 1 it is not one, or the picture is refused, 2 the picture cannot "
        "be read."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Classify the picture, explain the answer, and write the map."""
    if args.output is not None:
        _check_output(args.output, args.picture, args.overwrite)
    artifact = artifacts.read(args.model or classify.default_model())
    classify.caveats(artifact, display)
    explained = _explained(args, artifact)
    explanation = explained.explanation
    if explanation is not None and args.output is not None:
        _write(explained, explanation, artifact, args.output)
    display.emit(_document(explained, args.output))
    if not display.as_json:
        verdict_lines.show(explained.answer, artifact.metadata.decision, display)
        display.show(*(["  no map: the picture is refused"] if explanation is None else _lines(explanation)))
    return 0 if explanation is not None and explanation.holds else 1


def _check_output(output: Path, picture: str, overwrite: bool) -> None:
    if output.suffix.lower() != ".png":
        raise UsageError(f"{output}: the map is written as PNG: give a name that ends in .png")
    if os.path.realpath(output) == os.path.realpath(picture):
        raise UsageError(f"{output} is the picture that is explained: give another name")
    refuse_overwrite(output, overwrite)


def _explained(args: argparse.Namespace, artifact: Artifact) -> "Explained":
    from edgeall.explaining import explain_picture
    from edgeall.golden.checkable import uncheckable
    from edgeall.golden.remembered import check_once
    from edgeall.runtimes import open_session

    picture = _found(args.picture)
    with crash_message(artifact), open_session(artifact, args.threads) as session:
        if uncheckable(artifact) is None:
            check_once(artifact, session)
        return explain_picture(artifact, session, picture, force=args.force)


def _found(name: str) -> "Found":
    """The picture of a name."""
    from edgeall.field import Failed, Found, find_images
    from edgeall.field.sources import STDIN

    if os.path.isdir(name):  # noqa: PTH112, see `find_images`
        raise UsageError(f"{name} is a folder: name one picture")
    if name != STDIN:
        return Found(name, Path(name).name)
    (given,) = find_images([STDIN])
    if isinstance(given, Failed):
        raise ImageError(given.error)
    assert isinstance(given, Found)
    return given


def _write(explained: "Explained", explanation: "Explanation", artifact: Artifact, output: Path) -> None:
    from edgeall.explaining import draw

    page = draw(explanation, explained.picture.pixels, artifact.metadata.decision)
    with replacing(output) as part:
        page.save(part, "PNG")


def _document(explained: "Explained", output: Path | None) -> dict[str, Any]:
    """The keys of `classify --json`, and "map": null for a picture that is refused."""
    explanation = explained.explanation
    written = None if output is None or explanation is None else str(output)
    return {
        **explained.answer.to_dict(),
        "map": None if explanation is None else {**explanation.to_dict(), "file": written},
    }


def _lines(explanation: "Explanation") -> list[str]:
    found = explanation.faithfulness
    return [
        f"  without the tenth marked most important the log-odds change by {found.marked:.2f}, without a random "
        f"tenth by {found.random:.2f}",
        *(f"  not an explanation: {why}" for why in explanation.against),
        f"  {explanation.inferences} inferences, {explanation.ms / 1000:.1f} s",
    ]
