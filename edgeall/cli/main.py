"""The `edgeall` command: finds the subcommand, runs it, turns errors into one line and an exit status."""

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from edgeall import __version__
from edgeall.cli.display import Display
from edgeall.cli.parsing import Parser
from edgeall.engines import ENGINES, LABELS
from edgeall.errors import EdgeallError, MissingExtraError
from edgeall.suggestions import unknown_name


@dataclass(frozen=True)
class Command:
    """A subcommand: its module under `edgeall.cli` has `configure(parser)` and `run(args, display) -> status`.

    The module is imported only when its command is named; its own heavy imports belong inside `run`.

    Attributes:
        module: its name where a command cannot lend it one.
        interrupted: what Ctrl-C leaves, and what to do then.
    """

    name: str
    help: str
    tier: str = "field"
    module: str | None = None
    interrupted: str = "nothing of it is kept"

    def load(self) -> ModuleType:
        return importlib.import_module(f"edgeall.cli.{self.module or self.name}")


_GOES_ON = "what was finished is kept, run the same command again to go on"

COMMANDS = (
    Command(
        "demo",
        "the whole journey on synthetic smears: data, training, export, bench, report",
        "workstation",
        interrupted=_GOES_ON,
    ),
    Command("data", "make a synthetic smear set, take a census of a set, split it"),
    Command("backbones", "the six backbones: parameters, input size, preprocessing", "workstation"),
    Command(
        "train",
        "fine-tune a backbone on a folder of images; writes a run",
        "workstation",
        interrupted=_GOES_ON,
    ),
    Command(
        "tune",
        "search learning rates, batch size, epochs, head and depth for a training",
        "workstation",
        interrupted=_GOES_ON,
    ),
    Command("ensemble", "several runs as one model that averages their probabilities", "workstation"),
    Command("import", "a Keras classifier fine-tuned elsewhere to a run", "workstation", "import_"),
    Command(
        "export",
        f"runs to float32 and INT8 {LABELS} artifacts",
        "workstation",
        interrupted=_GOES_ON,
    ),
    Command("inspect", "what an artifact says of itself, its operators by precision, its checksum"),
    Command(
        "bench",
        "accuracy, latency and memory of artifacts on a device",
        "workstation",
        interrupted=_GOES_ON,
    ),
    Command(
        "devices", "the devices that bench knows", interrupted="files that a board has received stay there"
    ),
    Command("report", "bench results as a table, a verdict, JSON or Markdown", "workstation"),
    Command("compare", "runs or bench results side by side, and what the data support of it", "workstation"),
    Command(
        "classify",
        "images, folders or standard input to verdicts, offline",
        interrupted="verdicts printed before hold, the other images have none",
    ),
)

_EPILOG = "Research use only; not a medical device. 'edgeall COMMAND --help' tells more of each."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0 done, 1 done with failures named, 2 nothing done."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _quiet_libraries()
    display = Display("--json" in arguments)
    named = _named(arguments)
    try:
        args, command = _parse(arguments)
        status = command.load().run(args, display)
        sys.stdout.flush()
        return int(status)
    except EdgeallError as error:
        if "--debug" in arguments:
            raise
        display.error(str(error))
        return error.exit_status
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if "--debug" in arguments or missing == "edgeall":
            raise
        display.error(str(MissingExtraError(missing, _extra_of(missing))))
        return 2
    except KeyboardInterrupt:
        kept = next((command.interrupted for command in COMMANDS if command.name == named), None)
        display.error("; ".join(filter(None, ["interrupted", kept])))
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _named(arguments: Sequence[str]) -> str | None:
    """The command among the words of a command line, known or not."""
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
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        needs = " [workstation]" if command.tier == "workstation" else ""
        sub = commands.add_parser(command.name, help=command.help + needs, description=command.help)
        sub.set_defaults(_command=command)
        if command.name == named:
            command.load().configure(sub)
            _add_common(sub)
    args = parser.parse_args(arguments)
    return args, args._command


def _add_common(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--debug`, on a command or, where it has verbs of its own, on each of those."""
    verbs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for target in verbs[0].choices.values() if verbs else [parser]:
        target.add_argument("--json", action="store_true", help="print JSON on standard output")
        target.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _extra_of(module: str) -> str:
    extras = {name: engine.extra for engine in ENGINES.values() for name in engine.packages}
    return extras.get(module) or "workstation"


def _quiet_libraries() -> None:
    """Libraries' chatter and telemetry off, before any of them is imported."""
    for name, value in {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "GLOG_minloglevel": "3",
        "ORT_LOGGING_LEVEL": "3",
        "OPENVINO_TELEMETRY_OPT_OUT": "1",
        "NNCF_TELEMETRY_DISABLED": "1",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
    # Pillow warns of damaged EXIF and of large images; what matters of it comes back as an error of ours.
    warnings.filterwarnings("ignore", module=r"PIL\.")


if __name__ == "__main__":
    raise SystemExit(main())
