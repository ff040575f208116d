"""What corrupted test images do to the artifacts of runs, and which shifts the domain check refuses.

    make corruptions RUNS="runs/NAME ..."             # the table of benchmarks/results
    python benchmarks/corruptions.py runs/NAME ... --out FILE

Each run's exports are benched on this machine with `edgeall bench --corruptions`, which resumes. Times are taken too
shortly for a comparison, and are not shown. The rules of the findings are in docs/measuring.md.
"""

import argparse
from pathlib import Path

from edgeall import files, formatting, results
from edgeall.benching import bench, find_artifacts
from edgeall.markdown_table import table
from edgeall.measuring.plan import ALL_CORES, BenchSettings
from edgeall.progress import SILENT
from edgeall.recommending.measured import artifacts
from edgeall.reporting import corruption_findings, corruptions_table
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench
from edgeall.shifts.corruptions import CORRUPTIONS, STRENGTHS
from edgeall.targets import load_profile

SHORT = BenchSettings(rounds=2, threads=(ALL_CORES,), min_runs=8, min_seconds=0.1, max_seconds=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--images", type=int, default=200, help="test images, at most (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="Markdown file to write the result to")
    args = parser.parse_args()
    documents = []
    for run in args.runs:
        print(f"{run}: {len(CORRUPTIONS)} corruptions at {len(STRENGTHS)} strengths", flush=True)
        document = bench(
            find_artifacts([run]),
            load_profile("laptop"),
            SHORT,
            corruption_images=args.images,
            progress=SILENT,
        )
        documents.append((str(run), results.to_json(document)))
    text = page(results.merge(documents))
    print(text)
    if args.out is not None:
        files.write_text(args.out, text)


def page(benches: tuple[Bench, ...]) -> str:
    """The figures as Markdown."""
    lines = [
        "# Corrupted pictures",
        "",
        "Accuracy on test images after eight corruptions at five strengths, and how many of the pictures the domain",
        "check refuses. Rules and corruptions: [docs/measuring.md](../../docs/measuring.md#corrupted-pictures).",
        "",
        "    " + __doc__.partition("    ")[2].partition("#")[0].strip(),
    ]
    for bench_ in benches:
        lines += ["", f"Measured on: {bench_.machine}.", "", "## Findings", ""]
        found = corruption_findings.robustness(bench_)
        lines += [f"- {'**Beware.** ' if warns else ''}{text}" for warns, text in found]
        lines += ["", *(f"- {text}" for text in runs_in_words(bench_))]
        for side in (
            corruptions_table.corruptions(bench_),
            refusals(bench_),
            int8_beside_float32(bench_),
            corruptions_table.every_corruption(bench_),
        ):
            lines += ["", f"## {side.heading}", "", table(side.columns, side.rows)]
            lines += ["", *(f"- {note}" for note in side.notes)] if side.notes else []
    return "\n".join(lines) + "\n"


def runs_in_words(bench_: Bench) -> list[str]:
    """What the runs trained from, a line each."""
    weights = {bench_.family(result): result.weights for result in bench_.results}
    return [f"{family}: {of}" for family, of in weights.items()]


def int8_beside_float32(bench_: Bench) -> SideTable:
    """Accuracy of INT8 less that of float32 on the same pixels: the extremes and the mean over all corruptions."""
    rows = []
    for result in artifacts(bench_):
        found = result.corruptions
        if found is None or not any(point.versus_float for point in found.points):
            continue
        gaps = {point.change: point.versus_float[0].delta.value for point in found.points}
        least, most = min(gaps, key=lambda change: gaps[change]), max(gaps, key=lambda change: gaps[change])
        mean = sum(gaps.values()) / len(gaps)
        ends = [f"{formatting.points(gaps[change])} ({change})" for change in (least, most)]
        lower = sum(point.below_float for point in found.points)
        rows.append((bench_.label(result), *ends, formatting.points(mean), f"{lower} of {len(gaps)}"))
    columns = ("artifact", "lowest, points", "highest, points", "mean", "shown to be lower")
    return SideTable("INT8 less float32 on the same pixels", columns, (), tuple(rows), ())


def refusals(bench_: Bench) -> SideTable:
    """Of each run, by corruption: pictures refused at each strength. Formats and precisions share a domain."""
    rows = []
    for family in dict.fromkeys(bench_.family(result) for result in bench_.results):
        of = next(r.corruptions for r in bench_.results if bench_.family(r) == family)
        if of is None or of.unchanged.refused is None:
            continue
        for name in CORRUPTIONS:
            counts = [str(point.refused) for point in of.points if point.corruption == name]
            rows.append((family, name, str(of.unchanged.refused), *counts))
    columns = ("run", "corruption", "unchanged", *map(str, STRENGTHS))
    return SideTable("Pictures refused", columns, (), tuple(rows), ())


if __name__ == "__main__":
    main()
