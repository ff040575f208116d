"""What limits the conclusions from a device's results."""

from collections.abc import Iterable

import numpy as np

from edgeall import formatting
from edgeall.measuring.records import NOT_TRIED
from edgeall.recommending.measured import artifacts, repeated, timed
from edgeall.results import Bench, Failure, Result
from edgeall.results.pairing import same_images, time_ratio
from edgeall.statistics import share


def warnings(bench: Bench) -> list[str]:
    """What is wrong with single artifacts."""
    found = [f"Not measured: {line}." for line in lines(bench.failures)]
    found += [
        f"{bench.name(r)} failed its parity check: it does not answer as the trained model does. Do not use it."
        for r in artifacts(bench)
        if r.failed_parity
    ]
    for r in artifacts(bench):
        if r.left_in_float:
            kinds = formatting.listed([f"{count} {kind}" for kind, count in sorted(r.left_in_float.items())])
            found.append(f"{bench.label(r)} left operators in floating point here: {kinds}.")
        ran_as = r.executed_precision
        if r.precision != "int8" and ran_as and ran_as != r.precision:
            found.append(f"{bench.label(r)} ran as {ran_as} here, not as {r.precision}.")
    return found


def lines(failures: Iterable[Failure]) -> list[str]:
    """What failed and why, each once; what was not tried for it adds none."""
    every = list(failures)
    causes = {(failure.artifact, failure.error) for failure in every}
    return list(
        dict.fromkeys(
            failure.line
            for failure in every
            if not failure.error.startswith(NOT_TRIED)
            or (failure.artifact, failure.error.removeprefix(NOT_TRIED)) not in causes
        )
    )


def limits(bench: Bench) -> list[str]:
    """What tempers all figures of a device, beside what `edgeall.recommending` says is not known; the worst first."""
    return [
        *_on_parity(bench),
        *_on_files(bench),
        *_on_images(bench),
        *_on_training(bench),
        *_on_times(bench),
        *_on_ensembles(bench),
    ]


def unproven_on(results: Iterable[Result]) -> str:
    """ "unproven on 66 images", of artifacts that are."""
    counts = sorted({r.parity.n for r in results if r.parity is not None})
    images = f" on {formatting.listed([str(n) for n in counts], 'or')} images" if counts else ""
    return f"unproven{images}"


def _on_parity(bench: Bench) -> list[str]:
    found = [r for r in artifacts(bench) if r.unproven]
    if not found:
        return []
    names = formatting.listed([bench.name(r) for r in found])
    return [
        f"Parity {unproven_on(found)}: {names}. The validation images show neither that it answers as the trained "
        "model does nor that it does not; 'edgeall inspect' tells why, and how many images would decide."
    ]


def _on_files(bench: Bench) -> list[str]:
    """What comes of files that do not go together."""
    found = []
    first = bench.results[0]
    others = [r for r in artifacts(bench) if same_images(first, r) is False]
    if others:
        names = formatting.listed([f"{bench.name(r)} ({r.n} images)" for r in others])
        found.append(
            f"Not all were tested on the same images as {bench.name(first)} ({first.n} images): {names}. Accuracies "
            "of different test sets are no comparison."
        )
    if again := repeated(bench):
        names = formatting.listed([f"{name} ({count} times)" for name, count in again.items()])
        found.append(
            f"Measured more than once, each with a row of its own: {names}. Name one file to have one."
        )
    return found


def _on_images(bench: Bench) -> list[str]:
    fewest = min(bench.results, key=lambda r: r.n)
    found = []
    of_whom = None if fewest.clusters is None else np.arange(fewest.n) % fewest.clusters
    perfect = share(np.ones(fewest.n, dtype=bool), of_whom)
    if perfect is not None and perfect.low is not None:
        people = "" if fewest.clusters is None else f" of {fewest.clusters} subjects"
        found.append(
            f"Accuracy rests on {fewest.n} test images{people}: even all right would mean "
            f"{formatting.percent(perfect.low)}–100%."
        )
    return found


def _on_training(bench: Bench) -> list[str]:
    random = sorted({bench.family(r) for r in bench.results if "random" in (r.weights or "").lower()})
    if not random:
        return []
    return [
        f"{formatting.listed(random)} started from random weights: accuracy shows that the journey works, "
        "not what the backbones can do. Times and sizes are those of any weights."
    ]


def _on_ensembles(bench: Bench) -> list[str]:
    names = sorted({bench.family(r) for r in bench.results if r.members})
    if not names:
        return []
    return [
        f"{formatting.listed(names)}: times, sizes and memory are the sums of what the members took one by one. "
        "One program that runs them all would need less memory, and less time for its start and for reading an image."
    ]


def _on_times(bench: Bench) -> list[str]:
    if bench.emulated:
        return []
    found = []
    clocked = timed(bench)
    if noisy := [r for r in clocked if r.noisy]:
        found.append(
            f"{len(noisy)} of {len(clocked)} measurements are noisy: their rounds differ by more than 10%. "
            "Measure again on an idle machine."
        )
    if any(r.throttled for r in clocked):
        found.append("The processor was slowed down (heat or voltage) during some measurements.")
    if any(r.hot for r in clocked):
        found.append(
            "Some measurements started hotter than the device's profile allows; let it cool, or give it a fan."
        )
    if any(r.short for r in clocked):
        found.append("Measured with fewer runs, seconds or rounds than comparable figures need.")
    if any(r.latency_kind == "estimated" for r in bench.results):
        found.append("Latencies marked ≈ are estimated, and take no part in the verdict.")
    ratios = [time_ratio(r, clocked[0]) for r in clocked[1:]]
    if any(ratio is not None and ratio.low is None for ratio in ratios):
        found.append(
            'A ratio given as "about" compares times that were not measured in the same rounds; it has no interval.'
        )
    return found
