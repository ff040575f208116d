"""What trials at once cost a study: the loss of its best trial on a drawn objective, by how many are in flight.

The objective is a smooth bowl over edgeall's own search ranges with penalties for two of its choices: no training, so
that many studies can be run. It shows what the sampler loses where it knows fewer trials. It says nothing about how
much a real training loses.

    python benchmarks/tune_at_once.py [--seeds 30] [--out FILE]
"""

import argparse
import math
from pathlib import Path

import numpy as np
import optuna

from edgeall.progress import SILENT
from edgeall.training import TrainingSettings
from edgeall.tuning.space import Sampler, propose
from edgeall.tuning.study import best_trial, next_index, start_trial, warnings_to

AT_ONCE = (1, 2, 4, 8, 16)
TRIALS = 40


def loss(settings: TrainingSettings) -> float:
    """0 at the best settings."""
    far = (math.log10(settings.head_rate / 2e-3), math.log10(settings.rate / 1e-4))
    far += (math.log2(settings.batch_size / 16) / 3, math.log(settings.epochs / 12))
    return (
        sum(each**2 for each in far) + 0.3 * (settings.fine_tune != "upper") + 0.2 * (settings.head != "gap")
    )


def best_loss(seed: int, at_once: int) -> float:
    """Of a study of `TRIALS` trials."""
    usual, study = TrainingSettings("mobilenetv2"), optuna.create_study(direction="maximize")

    def proposed(sampler: Sampler) -> TrainingSettings:
        return propose(sampler, usual, ())

    while (index := next_index(study, TRIALS, at_once)) is not None:
        trial, settings = start_trial(study, seed, index, at_once, proposed)
        study.tell(trial, -loss(settings))
    best = best_trial(study)
    assert best is not None
    assert best.value is not None
    return -best.value


def main() -> int:
    """Run the studies, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    with warnings_to(SILENT):
        found = {n: np.array([best_loss(seed, n) for seed in range(args.seeds)]) for n in AT_ONCE}
    lines = [
        "# Trials at once",
        "",
        f"Loss of the best of {TRIALS} trials on a drawn objective, {args.seeds} seeds; `benchmarks/tune_at_once.py`. "
        "The last column compares seed by seed.",
        "",
        "| at once | median loss | 10 % | 90 % | seeds worse than one at once |",
        "|---|---|---|---|---|",
    ]
    for n, losses in found.items():
        low, middle, high = np.quantile(losses, [0.1, 0.5, 0.9])
        worse = "–" if n == 1 else f"{int((losses > found[1]).sum())} of {args.seeds}"
        lines.append(f"| {n} | {middle:.3f} | {low:.3f} | {high:.3f} | {worse} |")
    text = "\n".join([*lines, ""])
    if args.out is None:
        print(text)
    else:
        args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
