"""`benchmarks/results/peers.md`: the tables of the comparison in Markdown."""

from collections.abc import Iterable, Sequence

from bench.environments import Environment
from bench.pages import with_interval

from edgeall.markdown_table import table

from .judging import TEST
from .measuring import Case, Entry, Times

MODELS = (
    "network", "format", "INT8 by", "how", "made in", "MB", "in float / operators", "test verdicts kept",
    "at float's threshold", "shifted kept", "AUC (change)", "expected loss of AUC", "mean Δp", "ms", "time / float32",
)  # fmt: skip
RUNS = (
    "network",
    "started from",
    "epochs of head, of more layers",
    "images: train, val, test",
    "test AUC in float",
)
TESTS = (
    "network", "format", "edgeall beside", "time, edgeall / peer", "test pictures kept by one alone", "p (Holm)",
    "shifted pictures kept by one alone", "p (Holm)", "edgeall shown less faithful",
)  # fmt: skip


def page(
    about: str,
    machine: str,
    cases: Sequence[Case],
    entries: Sequence[Entry],
    installed: Iterable[tuple[str, Environment]],
) -> str:
    """All tables, with what they are of."""
    parts = [
        "# INT8 artifacts of edgeall beside those of other tools",
        about.strip(),
        f"Measured on {machine}. Made by `make bench SECTIONS=int8`.",
        "## Runs",
        table(RUNS, [_run(case) for case in cases]),
        "## Models",
        table(MODELS, [_model(entry) for entry in entries if entry.faith]),
        "## Differences",
        table(TESTS, [_difference(entry) for entry in entries if entry.tests]),
        "## Tools without a model here",
        table(
            ("network", "format", "tool", "what it says"),
            [[entry.case, entry.format, entry.title, entry.note] for entry in entries if not entry.faith],
        ),
        "## Environments",
        table(
            ("environment", "MB", "packages", "versions"),
            [_environment(name, found) for name, found in installed],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def faithful(entry: Entry) -> str:
    """Whether edgeall's model is shown to be less faithful than a peer's, on test or on shifted pictures."""
    assert entry.tests is not None
    found = [name for name, test in entry.tests.items() if test.less == "less"]
    more = [name for name, test in entry.tests.items() if test.less == "more"]
    return f"yes: {', '.join(found)}" if found else f"no; more: {', '.join(more)}" if more else "no"


def _run(case: Case) -> list[str]:
    first = case.runs[0]
    epochs = (first.settings.get(name, "?") for name in ("head_epochs", "epochs"))
    counts = [str(sum(len(run.split.part(part)) for run in case.runs)) for part in ("train", "val", "test")]
    found = [run.metrics.get("test", {}).get("auc") for run in case.runs]
    areas = [each["value"] if isinstance(each, dict) else each for each in found if each is not None]
    return [
        case.name,
        first.weights,
        ", ".join(f"at most {each}" for each in epochs),
        ", ".join(counts),
        ", ".join(f"{area:.3f}" for area in areas),
    ]


def _model(entry: Entry) -> list[str]:
    faith = entry.faith
    assert faith is not None
    auc = "–" if faith.auc is None else f"{faith.auc:.3f} ({faith.auc_change:+.3f})"
    return [
        entry.case,
        entry.format,
        entry.title,
        entry.note,
        "–" if entry.seconds is None else f"{entry.seconds:.0f} s",
        f"{entry.megabytes:.2f}",
        f"{entry.float_operators} / {entry.operators}",
        f"{faith.kept.sum()} of {faith.kept.size}, {faith.kept.mean():.1%}",
        f"{faith.as_is:.1%}",
        f"{faith.shifted.mean():.1%}",
        auc,
        "–" if faith.expected_loss is None else f"{faith.expected_loss:.4f}",
        f"{faith.mean_change:.3f}",
        "–" if entry.to_float is None else f"{entry.to_float.milliseconds:.2f}",
        _ratio(entry.to_float),
    ]


def _difference(entry: Entry) -> list[str]:
    tests = entry.tests
    assert tests is not None
    cells = [entry.case, entry.format, entry.title, _ratio(entry.to_peer)]
    for name in (TEST, "shifted"):
        test = tests[name]
        cells += [f"edgeall {test.only_ours}, peer {test.only_peers}", f"{test.p_adjusted:.3g}"]
    return [*cells, faithful(entry)]


def _environment(name: str, found: Environment) -> list[str]:
    if found.refused:
        return [name, "–", "–", f"not installed: {found.refused}"]
    return [name, f"{found.megabytes:.0f}", str(len(found.versions)), ", ".join(found.pinned_versions)]


def _ratio(times: Times | None) -> str:
    return "–" if times is None else with_interval(times.ratio)
