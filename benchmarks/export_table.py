"""What `edgeall export` made of some runs, as one Markdown table: `python benchmarks/export_table.py RUN...`.

Size, seconds, parity with the Keras model and INT8's time are the manifests'; operators are counted by the precision
that each engine runs them in, on this machine.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from edgeall import artifact, runs, runtimes
from edgeall.exporting import manifest

HEAD = (
    "| run | artifact | MB | s | images | AUC change [bounds] | log-loss change | clear verdicts alike | mean \\|Δp\\| "
    "| time / float32 | gate | made by | operators as run |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |"
)


def main() -> int:
    """Print the table, and how many artifacts there are and pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    made = [each for path in parser.parse_args().runs for each in manifest.read(runs.load(path)).values()]
    print(HEAD)
    for each in sorted(
        made, key=lambda each: (each.run, each.precision != "float32", each.precision, each.recipe)
    ):
        print(f"| {' | '.join(cells(each))} |")
    outcomes = Counter(each.parity.word for each in made)
    clean = sum(each.precision == "int8" and not each.left_in_float for each in made)
    whole = sum(each.precision == "int8" for each in made)
    counted = ", ".join(f"{count} {word}" for word, count in outcomes.items())
    print(f"\n{len(made)} artifacts: {counted}; {clean} of {whole} INT8 ones leave nothing in float.")
    return 0


def cells(each: manifest.Exported) -> Iterator[str]:
    """A row."""
    parity = each.parity
    with runtimes.open_session(artifact.read(each.path), threads=1) as session:
        operators = session.executed_precision().operators
    yield each.run
    yield each.recipe
    yield f"{each.size_bytes / 1e6:.2f}"
    yield f"{each.seconds:.0f}"
    yield f"{parity.n}"
    low, high = parity.auc_delta_low, parity.auc_delta_high
    bounds = "" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]"
    yield "–" if parity.auc_delta is None else f"{parity.auc_delta:+.3f}{bounds}"
    yield "–" if parity.log_loss_delta is None else f"{parity.log_loss_delta:+.3f}"
    yield "–" if parity.clear_agreement is None else f"{parity.clear_agreement:.1%} of {parity.clear}"
    yield f"{parity.mean_abs_diff:.4f}"
    yield "–" if each.speed is None else f"{each.speed.ratio:.2f}"
    yield parity.word
    yield each.method or "–"
    yield ", ".join(f"{count} {precision}" for precision, count in operators.items())


if __name__ == "__main__":
    sys.exit(main())
