"""A run folder with the predictions that training leaves in it, made up: which images it has wrong is given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from small_run import PIXELS

from edgeall import predictions, runs
from edgeall.artifact import Decision
from edgeall.predictions import Predictions


def make_answered_run(
    folder: Path,
    wrong: Sequence[int] = (),
    *,
    negatives: int = 12,
    positives: int = 10,
    subjects: int | None = None,
    numbers: Sequence[int] | None = None,
    labels: tuple[str, ...] = ("hem", "all"),
    threshold: float = 0.5,
) -> runs.Run:
    """Test images, healthy first; those at `wrong` are called the other way. `numbers` (0, 1, ...) tell images apart.

    With `subjects` each class is dealt out to half of them. Of more than two labels, positives take turns, and a
    wrong one is called healthy.
    """
    truth = [0] * negatives + [1 + index % (len(labels) - 1) for index in range(positives)]
    n = len(truth)
    numbered = range(n) if numbers is None else numbers
    members = tuple(
        runs.Member(
            f"{labels[label]}/{number}.png",
            f"{number:064x}",
            labels[label],
            None if subjects is None else f"{min(label, 1)}-{index % (subjects // 2)}",
        )
        for index, (label, number) in enumerate(zip(truth, numbered, strict=True))
    )
    said = [label if index not in wrong else 0 if label else 1 for index, label in enumerate(truth)]
    # No two scores alike, and never on the other side of the threshold.
    sure = (1 + threshold) / 2 + np.linspace(-0.1, 0.1, n) * (1 - threshold)
    rest = (threshold / 2) * np.linspace(0.9, 1.1, n)
    probabilities = np.zeros((n, len(labels)))
    for index, label in enumerate(said):
        score = sure[index] if label else rest[index]
        probabilities[index, 0] = 1 - score
        probabilities[index, label or 1] = score
    decision = Decision(labels, labels[1:], threshold)
    run = runs.Run(
        path=folder,
        backbone=folder.name,
        head="gap",
        weights="random weights",
        licence="Apache-2.0",
        seed=0,
        pixels=PIXELS,
        decision=decision,
        data=runs.DataSource(folder / "data", "image-folder", runs.fingerprint(())),
        split=runs.Split((), (), members, "image" if subjects is None else "subject"),
        params={"total": 1, "trainable": 1, "non_trainable": 0},
    )
    folder.mkdir(parents=True)
    run.model_path.write_bytes(b"not opened by a comparison")
    runs.save(run)
    test = Predictions(
        tuple(member.name for member in members),
        tuple(member.subject for member in members),
        np.array(truth),
        probabilities,
        np.full(n, threshold),
    )
    predictions.write(folder / predictions.FILE, {"test": test}, labels)
    return run
