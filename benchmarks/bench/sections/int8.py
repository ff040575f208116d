"""INT8 artifacts of edgeall beside those of other tools, from the same float model and calibration images."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from peers import judging, measuring, page, table, trained
from peers.judging import TEST
from peers.measuring import Case, Comparison, Entry

from bench import environments, samples
from bench.section import Bench, Goal, Row
from edgeall import __version__, files, runs
from edgeall.errors import UsageError
from edgeall.measuring.environment import environment

NAME = "int8"
TITLE = "INT8 artifacts beside other tools"
ABOUT = """
Every tool quantizes the same float model of a run, in an environment of its own, with the same 100 training images.
MobileNetV2 and DenseNet201 are compared with all tools, the other backbones with the vendors' default quantizers.
All models are judged in edgeall's sessions, with one preprocessing, against the float Keras model.

- Verdicts kept: share of pictures with the float model's verdict. Every model, a peer's too, has the threshold that
  keeps most verdicts on validation images. "At float's threshold" is without that.
- Shifted: the test images under the five changes of `edgeall.shifts.mild`.
- Expected loss of AUC: mean of max(0, fall), for a normal change of DeLong's width.
- Time: processor time of an inference, one thread, in interleaved rounds of edgeall's model, float32 and the peer's.
- Less faithful: McNemar's exact test on test images; on shifted ones a sign test in which each cell counts once. Both
  are two-sided and corrected for all rows by Holm's method.

Goals: at most 1.02 times the time of the vendor's default; shown to be less faithful than no tool, which is met too
where no difference is shown; INT8 by float32 at most .50 (MobileNetV2 in TFLite and OpenVINO), .60 (in ONNX Runtime),
.38 (DenseNet201), .35 (the others, in the best format).
"""
VENDOR = Goal(most=1.02)
FASTER: Mapping[tuple[str, str], float] = {
    ("mobilenetv2", "tflite"): 0.50,
    ("mobilenetv2", "onnx"): 0.60,
    ("mobilenetv2", "openvino"): 0.50,
    **{("densenet201", format): 0.38 for format in trained.FORMATS},
}
BEST = Goal(most=0.35)
"""Of the other backbones: in the best of their formats."""
PROJECT = Path(__file__).resolve().parents[3]
PAGE = PROJECT / "benchmarks" / "results" / "peers.md"


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    """Data are made where they are missing; peers that cannot be installed are rows that say so."""
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    """Runs by name and content, peers by their pinned packages; what measures, by its code."""
    recipes = sorted({environments.folder_of(*peer.environment, Path()).name for peer in table.PEERS})
    given = options.get("run")
    code = [Path(module.__file__ or "") for module in (judging, measuring, trained)]
    return {
        "comparison": " ".join(files.sha256_file(path)[:12] for path in code),
        "runs": _told(given) if given else f"made here, edgeall {__version__}",
        "peers": " ".join(recipes),
    }


def _told(given: Path) -> str:
    """The name that is given, and the runs that are found under it."""
    found = [samples.content_of(run.path) for case in trained.read(given) for run in case]
    return "; ".join([given.name, *found])


def measure(bench: Bench) -> Iterator[Row]:
    """Rows of speed and of faith for every model; all figures are written to `PAGE`, in a full bench."""
    comparison = Comparison(bench.folder, bench.shared, bench.rounds, bench.quick, bench.say)
    cases = _cases(bench)
    entries = comparison.entries(cases)
    wanted = dict.fromkeys(entry.peer.environment for entry in entries if entry.peer)
    installed = [
        (name, environments.provide(name, pinned, bench.shared / "environments", bench.say))
        for name, pinned in wanted
    ]
    place = bench.folder / PAGE.name if bench.quick else PAGE
    told = environment()
    cpu, load = told["cpu"] or told["architecture"], os.getloadavg()[0]
    machine = f"{cpu}, {told['cores']} cores, {told['system']}, load average {load:.1f} at the end"
    files.write_text(place, page.page(ABOUT, machine, cases, entries, installed))
    for entry in entries:
        yield from _rows(entry, entries)


def _cases(bench: Bench) -> list[Case]:
    """Of the option "run": a run, the folds of one, or a folder of runs. Without it those of `trained`.

    A quick bench without it has MobileNetV2 alone.
    """
    if given := bench.options.get("run"):
        found = trained.read(given)
        if not found:
            raise UsageError(f"run={given}: no run, nor a folder of runs")
        return [_case(trained.exported(each, PROJECT, bench.say)) for each in found]
    wanted = (trained.QUICK,) if bench.quick else trained.TRAININGS
    folder = bench.shared / f"int8-runs-{__version__}"
    return [_case(trained.provide(each, folder, PROJECT, bench.say), each.defaults) for each in wanted]


def _case(found: list[runs.Run], defaults: bool = False) -> Case:
    first = found[0]
    return Case(f"{first.backbone} at {first.pixels.size}", tuple(found), defaults)


def _rows(entry: Entry, entries: list[Entry]) -> Iterator[Row]:
    what = f"{entry.case}, {entry.format}"
    if entry.faith is None:
        yield Row(what, None, None, entry.title, "", None, 0, note=f"no model of {entry.title}: {entry.note}")
        return
    if entry.peer is None:
        if entry.to_float:
            times = entry.to_float
            yield Row(
                f"{what}: INT8 by float32", times.milliseconds, times.other, "float32", "ms", times.ratio,
                times.rounds, _goal(entry, entries),
            )  # fmt: skip
        return
    assert entry.tests is not None
    ours = next(
        each
        for each in entries
        if each.peer is None and (each.case, each.format) == (entry.case, entry.format)
    )
    assert ours.faith is not None
    if times := entry.to_peer:
        yield Row(
            f"{what}: time", times.milliseconds, times.other, entry.title, "ms", times.ratio, times.rounds,
            VENDOR if entry.peer.default else None,
        )  # fmt: skip
    for name, mine, other in (
        (TEST, ours.faith.kept, entry.faith.kept),
        ("shifted", ours.faith.shifted, entry.faith.shifted),
    ):
        test = entry.tests[name]
        yield Row(
            f"{what}: verdicts kept, {name}", 100 * float(mine.mean()), 100 * float(other.mean()), entry.title, "%",
            None, 0, judged="missed" if test.less == "less" else "met",
            note=f"beside {entry.title}: kept by edgeall alone {test.only_ours}, by it alone {test.only_peers}, "
            f"p {test.p_adjusted:.2g} after Holm's correction; "
            f"{'no difference is' if test.less == 'no' else f'edgeall is {test.less} faithful, as'} shown",
        )  # fmt: skip


def _goal(entry: Entry, entries: list[Entry]) -> Goal | None:
    limit = FASTER.get((entry.backbone, entry.format))
    if limit is not None:
        return Goal(most=limit)
    alike = [each for each in entries if each.peer is None and each.case == entry.case and each.to_float]
    best = min(alike, key=lambda each: each.to_float.ratio.value if each.to_float else 1.0)
    return BEST if best is entry else None
