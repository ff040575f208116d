"""The `edgeall` command: finds and runs the subcommand, and turns errors into one line and an exit status."""

import argparse
import gc
import importlib
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import ModuleType

from edgeall import __version__
from edgeall.cli.display import Display, ReaderGone, write_result
from edgeall.cli.parsing import Parser
from edgeall.cli.standard_streams import open_missing
from edgeall.engines import ENGINES, LABELS
from edgeall.errors import EdgeallError, MissingExtraError
from edgeall.suggestions import unknown_name
from edgeall.values import dataclass


@dataclass(frozen=True)
class Command:
    """A subcommand: its module under `edgeall.cli` has `configure(parser)` and `run(args, display) -> status`.

    The module is imported only for its own command; heavy imports belong inside `run`.

    Attributes:
        module: name of the module where it differs from the command's.
        interrupted: message after Ctrl-C: what is kept, and what to do.
        environment: variables for libraries, set before the module is imported where the user has not set them.
    """

    name: str
    help: str
    tier: str = "field"
    module: str | None = None
    interrupted: str = "nothing is kept"
    environment: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> ModuleType:
        _set_defaults(self.environment)
        return importlib.import_module(f"edgeall.cli.{self.module or self.name}")


_RESUMES = "finished work is kept, run the same command again to resume"

COMMANDS = (
    Command(
        "demo",
        "all steps on synthetic smears: data, training, export, bench, report",
        "workstation",
        interrupted=_RESUMES,
    ),
    Command("data", "make a synthetic smear dataset, take a census of a dataset, split it"),
    Command("backbones", "the six backbones: parameters, input size, preprocessing", "workstation"),
    Command(
        "train",
        "fine-tune a backbone on a folder of images; writes a run",
        "workstation",
        interrupted=_RESUMES,
    ),
    Command(
        "tune",
        "search learning rates, batch size, epochs, head and depth of a training",
        "workstation",
        interrupted=_RESUMES,
    ),
    Command("ensemble", "average the probabilities of several runs as one model", "workstation"),
    Command("import", "import a Keras classifier fine-tuned elsewhere as a run", "workstation", "import_"),
    Command(
        "export",
        f"export runs to float32 and INT8 {LABELS} artifacts",
        "workstation",
        interrupted=_RESUMES,
    ),
    Command("inspect", "show an artifact's metadata, operators by precision, and checksum"),
    Command(
        "bench",
        "measure accuracy, latency and memory of artifacts on a device",
        "workstation",
        interrupted=_RESUMES,
    ),
    Command(
        "devices",
        "list, check and provision devices for bench",
        interrupted="files sent to a board stay there",
    ),
    Command(
        "report",
        "show bench results as table and verdict, web page, PDF, Markdown, CSV or JSON",
        "workstation",
    ),
    Command("recommend", "which artifact to take on a device under limits, and why", "workstation"),
    Command("cards", "write model cards, ML-BOMs and reporting checklists of artifacts", "workstation"),
    Command("compare", "compare runs or bench results, with tests and intervals", "workstation"),
    Command(
        "bundle",
        "make a kit: an artifact with all that a device needs to run it, in one file, offline",
        "workstation",
        interrupted="wheels that were fetched are kept",
    ),
    Command("keys", "make a signing key; sign and verify kits", "workstation"),
    Command("selftest", "check that artifacts answer here as when they were made"),
    Command(
        "classify",
        "classify images, folders or standard input, offline",
        interrupted="printed verdicts are valid, the other images have none; with -o, run the same command again to "
        "resume",
        # No linear algebra here. OpenBLAS starts its threads when NumPy is imported, and they spin on the processor
        # that could decode a picture.
        environment={"OPENBLAS_NUM_THREADS": "1"},
    ),
    Command("explain", "which parts of a picture a model's answer rests on"),
    Command(
        "watch",
        "classify each picture as it arrives in a folder, and keep a log",
        interrupted="what is in the log stays there, and is not decided again",
        environment={"OPENBLAS_NUM_THREADS": "1"},
    ),
    Command(
        "serve",
        "a local web page: pictures, camera and watched folder; keeps a log",
        interrupted="what is in the log stays there",
        environment={"OPENBLAS_NUM_THREADS": "1"},
    ),
    Command("log", "show, check, export, archive the log of watch and serve; remove a person from it"),
)

_EPILOG = "Research use only; not a medical device. See also: edgeall COMMAND --help."


_NEW_OBJECTS = 50_000
"""After how many new objects garbage is collected. A classification imports as many, of which none is garbage."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0 success, 1 some failures, 2 failure.

    Without `argv` it is the command line of this process, which ends with it.
    """
    if argv is not None:
        return _run(list(argv))
    open_missing()
    arguments = sys.argv[1:]
    if any(command.name == _named(arguments) and command.tier == "field" for command in COMMANDS):
        gc.set_threshold(_NEW_OBJECTS)
    try:
        return _run(arguments)
    finally:
        # The system takes back all memory at once. Python would look through every object for garbage before.
        gc.freeze()


def _run(arguments: list[str]) -> int:
    _quiet_libraries()
    display = Display("--json" in arguments)
    named = _named(arguments)
    try:
        args, command = _parse(arguments)
        status = command.load().run(args, display)
        write_result()
        return int(status)
    except EdgeallError as error:
        if "--debug" in arguments:
            raise
        display.error(str(error))
        return error.exit_status
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        from importlib.util import find_spec

        if missing == "edgeall" and find_spec("edgeall.results") is None:
            display.error(f"{named} is a command of the workstation, and this is a device's copy of edgeall")
            return 2
        if "--debug" in arguments or missing == "edgeall":
            raise
        display.error(str(MissingExtraError(missing, _extra_of(missing))))
        return 2
    except MemoryError:
        if "--debug" in arguments:
            raise
        display.error("out of memory: end other programs, or take less at a time")
        return 2
    except KeyboardInterrupt:
        message = next((command.interrupted for command in COMMANDS if command.name == named), None)
        display.error("; ".join(filter(None, ["interrupted", message])))
        return 130
    except ReaderGone:
        display.discard_results()
        return 0
    except OSError as error:
        # The system refuses something: a disk is full or gone, a file was taken away meanwhile.
        if "--debug" in arguments:
            raise
        display.error(_refused(error))
        return 2


def _refused(error: OSError) -> str:
    named = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    reason = error.strerror or str(error) or type(error).__name__
    return f"{' and '.join(named) or 'the system refuses'}: {reason}; --debug shows where"


def _named(arguments: Sequence[str]) -> str | None:
    """The command in a command line, known or not."""
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def _parse(arguments: list[str]) -> tuple[argparse.Namespace, Command]:
    parser = Parser(
        prog="edgeall",
        description="Leukaemia classifiers from a fine-tuned CNN to the devices where they are needed.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"edgeall {__version__}")
    named = _named(arguments)
    known = {command.name: command for command in COMMANDS}
    if named is not None and named not in known:
        raise unknown_name("command", named, known)
    # Its name is given, because argparse would format the usage to find it out.
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="edgeall")
    # Usage and errors of a command need no other commands; what stands before it may be --help.
    for command in [known[named]] if named is not None and arguments[0] == named else COMMANDS:
        needs = " [workstation]" if command.tier == "workstation" else ""
        sub = commands.add_parser(command.name, help=command.help + needs, description=command.help)
        sub.set_defaults(_command=command)
        if command.name == named:
            command.load().configure(sub)
            _add_common(sub)
    args = parser.parse_args(arguments)
    return args, args._command


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--json` and `--debug` to a command or, where it has verbs, to each of those."""
    verbs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for target in verbs[0].choices.values() if verbs else [parser]:
        target.add_argument("--json", action="store_true", help="print JSON on standard output")
        target.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _extra_of(module: str) -> str:
    extras = {name: engine.extra for engine in ENGINES.values() for name in engine.packages}
    extras |= dict.fromkeys(("starlette", "uvicorn"), "serve")
    extras |= dict.fromkeys(("dask", "distributed", "pyarrow", "fsspec"), "cluster")
    return extras.get(module) or "workstation"


def _quiet_libraries() -> None:
    """Disable libraries' log messages, before any of them is imported."""
    _set_defaults(
        {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "1",
            "GLOG_minloglevel": "3",
            "ORT_LOGGING_LEVEL": "3",
        }
    )
    # Pillow warns of damaged EXIF data and of large images, which edgeall handles itself.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _set_defaults(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        os.environ.setdefault(name, value)


if __name__ == "__main__":
    raise SystemExit(main())
