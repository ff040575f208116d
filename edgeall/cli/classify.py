"""`edgeall classify`: classifies images, folders or standard input."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.artifact import Artifact, Decision, files_of, is_artifact_name, read
from edgeall.cli import outcome
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.field import Classified

ENVIRONMENT = "EDGEALL_MODEL"
NOTICE = "research use only, not a medical device"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="images, folders (with all below them), or - for standard input",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="ARTIFACT",
        help=f"the artifact to use (default: ${ENVIRONMENT}, or the only artifact in the current folder)",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="engine threads (default: 1)")
    parser.epilog = (
        "Exit status: 0 all images have a verdict, 1 some have none, 2 none has one. "
        "Files in a folder that are not images are left out, and counted."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Classify, and print each verdict as soon as it is available."""
    from edgeall.field import Classified, LeftOut, classify
    from edgeall.pixels.folder import in_words

    artifact = read(args.model or _default_model())
    _caveats(artifact, display)
    done = failed = 0
    left_out: list[LeftOut] = []
    with crash_message(artifact):
        for result in classify(artifact, args.paths, args.threads):
            if isinstance(result, LeftOut):
                left_out.append(result)
                continue
            display.emit(result.to_dict(), line=True)
            if isinstance(result, Classified):
                done += 1
                if not display.as_json:
                    display.show(*_lines(result, artifact.metadata.decision))
            else:
                failed += 1
                display.error(result.error)
    for line in in_words(left_out):
        display.note(line)
    if failed == 0:
        return 0
    if done + failed > 1:
        display.note(f"{failed} of {done + failed} inputs have no verdict")
    return 1 if done else 2


def _default_model() -> Path:
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


def _caveats(artifact: Artifact, display: Display) -> None:
    display.note(NOTICE)
    parity = artifact.metadata.parity
    if parity is None:
        display.warn(f"{artifact.path}: its parity with its Keras model was not measured")
    elif parity.word == "failed":
        display.warn(
            f"{artifact.path}: differs from its Keras model (parity {outcome.failed(parity)}): do not rely on its "
            "verdicts"
        )
    elif parity.word == "unproven":
        display.warn(
            f"{artifact.path}: not shown to be equivalent to its Keras model: parity {outcome.unproven(parity)}"
        )


def _lines(result: "Classified", decision: Decision) -> list[str]:
    verdict = result.verdict
    labels = f"label{'s'[: len(decision.positive) - 1]} " + " or ".join(f'"{x}"' for x in decision.positive)
    line = (
        f"{result.path}: probability of {labels} = {verdict.score:.2f} "
        f"(threshold {result.threshold:.2f}) {verdict.decision}"
    )
    if len(decision.labels) > 2:
        line += f', label "{verdict.label}" = {verdict.probability:.2f}'
    doubts = [] if result.quality.ok else [f"  doubtful image: {'; '.join(result.quality.reasons)}"]
    return [line, *doubts, *(f"  note: {note}" for note in result.notes)]
