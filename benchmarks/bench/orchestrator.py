"""edgeall beside its alternatives: `make bench`.

    python benchmarks/bench                          # all sections that can be measured here
    python benchmarks/bench --quick                  # under ten minutes: few rounds, small models
    python benchmarks/bench --sections runner,growth
    python benchmarks/bench run=runs/NAME            # with a run of one's own

Interrupted measurements resume. Rounds are kept below `.bench/`, tables are written to `benchmarks/results/`; those of
`--quick` stay below `.bench/`.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import edgeall
from bench import pages
from bench.rounds import Rounds
from bench.section import Bench
from bench.sections import SECTIONS, load
from edgeall import files
from edgeall.measuring.environment import environment

PROJECT = Path(__file__).resolve().parents[2]
WORK = PROJECT / ".bench"
RESULTS = PROJECT / "benchmarks" / "results"
OPTIONS = ("run", "artifact")
"""What sections can be given."""


def main() -> int:
    """Measure sections and write their tables; status 1 where one failed or could not be measured."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds and small models")
    parser.add_argument(
        "--sections", default=",".join(SECTIONS), metavar="NAME,…", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "options", nargs="*", metavar="NAME=PATH", help="what sections are given, such as run=…"
    )
    parser.add_argument("--gate", action="store_true", help="instead: ratios that must not grow, in a minute")
    args = parser.parse_args()
    if args.gate:
        from bench import gate

        return gate.main()
    names = [name for name in args.sections.replace(",", " ").split() if name]
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if wrong := [option for option in args.options if "=" not in option]:
        parser.error(f"{wrong[0]} is not NAME=PATH")
    if unknown := [option for option in args.options if option.partition("=")[0] not in OPTIONS]:
        parser.error(f"no option {unknown[0]}; there are {', '.join(OPTIONS)}")
    options = {name: Path(path).resolve() for name, _, path in (o.partition("=") for o in args.options)}
    if (found := Path(edgeall.__file__).resolve().parent) != PROJECT / "edgeall":
        parser.error(
            f"this would measure {found}, not this checkout: install it, or set PYTHONPATH={PROJECT}"
        )
    WORK.mkdir(exist_ok=True)
    with files.alone(WORK / "lock", lambda: _say("another bench is at work here; waits for it")):
        problems = [problem for name in names if (problem := _section(name, args.quick, options))]
    for problem in problems:
        _say(problem)
    return 1 if problems else 0


def _section(name: str, quick: bool, options: Mapping[str, Path]) -> str | None:
    """Measure a section and write its tables; returns why there are none."""
    section = load(name)
    shared = WORK / "shared"
    shared.mkdir(exist_ok=True)
    if why := section.lacking(options, shared):
        return f"{name}: not measured: {why}"
    basis = {**section.basis(options, quick), **_basis(name)}
    digest = hashlib.sha256(json.dumps([basis, quick], sort_keys=True).encode()).hexdigest()[:12]
    folder = WORK / f"{name}-{'quick-' if quick else ''}{digest}"
    folder.mkdir(exist_ok=True)
    files.write_json(folder / "basis.json", basis)
    say = partial(_say, name)
    bench = Bench(quick, folder, shared, Rounds(folder / "rounds.jsonl", say), options, say)
    started, load_before = time.monotonic(), os.getloadavg()[0]
    try:
        rows = tuple(section.measure(bench))
    except KeyboardInterrupt:
        sys.exit(f"bench: interrupted in {name}; finished rounds are kept, the same command resumes")
    except (Exception, SystemExit) as error:
        # The other sections are measured all the same: a full bench takes hours.
        traceback.print_exc()
        return f"{name}: failed: {error}"
    machine = f"{_machine()}, load average {load_before:.1f} before and {os.getloadavg()[0]:.1f} after"
    if quick:
        machine += ", with QUICK=1: few rounds, small models"
    out = WORK / "quick" if quick else RESULTS
    out.mkdir(exist_ok=True)
    measured = pages.Measured(name, SECTIONS[name], section.TITLE, section.ABOUT, machine, basis, rows)
    summary = pages.write(out, measured, list(SECTIONS.values()))
    print(pages.rows_table(rows), flush=True)
    say(f"{time.monotonic() - started:.0f} s; written to {summary.relative_to(PROJECT)}")
    return None


def _basis(name: str) -> dict[str, str]:
    """Code and machine that rounds hold for."""
    return {
        "edgeall": code_digest(PROJECT / "edgeall"),
        "section": _digest([*(Path(__file__).parent / "sections").glob(f"{name}.py"), *_scripts(name)]),
        "machine": f"{_machine()}, {' '.join(environment()['flags'])}",
    }


def _scripts(name: str) -> list[Path]:
    """The scripts of `benchmarks/` that a section names, and those that these name."""
    known = {path.stem: path for path in (PROJECT / "benchmarks").glob("*.py")}
    found: list[Path] = []
    texts = [(Path(__file__).parent / "sections" / f"{name}.py").read_text(encoding="utf-8")]
    while texts:
        named = {known[word] for word in re.findall(r"\w+", texts.pop()) if word in known}
        new = sorted(named.difference(found))
        found += new
        texts += [path.read_text(encoding="utf-8") for path in new]
    return found


def code_digest(folder: Path) -> str:
    """Of the Python files below a folder, in 12 hexadecimal digits."""
    return _digest(folder.rglob("*.py"))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _machine() -> str:
    told = environment()
    return f"{told['cpu'] or told['architecture']}, {told['cores']} cores, {told['system']}, Python {told['python']}"


def _say(*parts: str) -> None:
    print(f"bench: {': '.join(parts)}", file=sys.stderr, flush=True)
