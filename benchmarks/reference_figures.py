"""Reference figures of runs: what each version of an engine gave, in `docs/reference-figures/RUN.yaml`.

`python benchmarks/reference_figures.py RESULT...` enters bench results; figures of other engine versions, devices and
processors stay. With `--diff` nothing is written: it lists what is missing, new and regressed beside the latest entry
of the runs whose results are named, and ends with status 1 where something is missing or regressed. The layout is like
that of Qualcomm AI Hub's `perf.yaml`: a list of measurements, each with its engine, device and processor.

Regressed is:

- accuracy: shown by the paired test of `edgeall.results.differences` on the same test images; on others by the interval
  of the difference;
- AUC and agreement with float32: shown by the interval of the difference;
- latency: on the same processor alone, where the intervals lie apart and p50 rose by more than a tenth;
- size: grown by more than 5 %.
"""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

from edgeall import documents, files, formatting, results, runs
from edgeall.artifact import is_artifact_name
from edgeall.cards.figures import decimals, latency, latency_kind
from edgeall.errors import EdgeallError, UsageError
from edgeall.results import Bench, Result
from edgeall.results.accuracy import RecordedPredictions
from edgeall.results.differences import verdict_test
from edgeall.statistics import Estimate
from edgeall.statistics.estimate import independent_difference

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference-figures"
SCHEMA = 1
SLOWER, LARGER = 1.10, 1.05
"""Ratios above which p50 and size are regressed."""

Status = Literal["regressed", "missing", "new", "held"]


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval; no ends where the data give none, for the reason `method`."""

    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""

    @property
    def estimate(self) -> Estimate:
        return Estimate(self.value, self.low, self.high, self.method)


@dataclass(frozen=True)
class Milliseconds(Interval):
    """Latency p50 of the model with its interval over rounds. `kind`: measured, estimated or emulated."""

    kind: str = "measured"
    rounds: int = 0
    runs: int = 0
    noisy: bool = False


@dataclass(frozen=True)
class Place:
    """Where something was measured. `processor` names the features that engines choose kernels by."""

    device: str
    processor: str
    system: str


@dataclass(frozen=True)
class Engine:
    name: str
    version: str


@dataclass(frozen=True)
class Figures:
    """One artifact with one engine and number of threads in one place.

    Attributes:
        sha256: of the artifact, which every export changes.
        agreement: share of verdicts that are equal to those of the float32 file of the run.
        wrong: numbers of the test images that it gets wrong, in the order of `TestSet`; None where not recorded.
    """

    artifact: str
    precision: str
    engine: Engine
    threads: int
    place: Place
    accuracy: Interval
    size_bytes: int
    edgeall: str = ""
    measured_at: str = ""
    sha256: str = ""
    auc: Interval | None = None
    agreement: Interval | None = None
    latency_ms: Milliseconds | None = None
    wrong: tuple[int, ...] | None = None

    @property
    def what(self) -> tuple[str, str, str, int]:
        """Equal for figures that follow one another: artifact, device, engine and threads."""
        return self.artifact, self.place.device, self.engine.name, self.threads

    @property
    def line(self) -> str:
        artifact, device, engine, count = self.what
        return f"{artifact} on {device}, {engine}, {formatting.threads(count)}"


@dataclass(frozen=True)
class TestSet:
    """Test images in the order of their SHA-256, of which `fingerprint` is a hash.

    Attributes:
        subject: for each image the number of its subject, in order of their first image; None where not known.
    """

    data: str
    split: str
    fingerprint: str
    images: int
    subjects: int | None = None
    subject: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Reference:
    """The file of a run."""

    schema: int
    run: str
    backbone: str
    weights: str
    test_set: TestSet
    figures: tuple[Figures, ...]


@dataclass(frozen=True)
class Finding:
    status: Status
    what: str
    why: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Enter or compare; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULT", help="result files of bench, or runs"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="of the reference files")
    parser.add_argument("--diff", action="store_true", help="compare, and write nothing")
    args = parser.parse_args(arguments)
    try:
        found = list(measured(results.load(_files(args.results))))
        known = {reference.run: reference for reference in map(read, sorted(args.folder.glob("*.yaml")))}
        if args.diff:
            return _compare(known, found)
        for each in found:
            path = args.folder / f"{each.run}.yaml"
            write(path, merged(known.get(each.run), each))
            print(f"wrote {path}")
    except EdgeallError as error:
        print(f"reference figures: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def measured(benches: Sequence[Bench]) -> Iterator[Reference]:
    """One reference a run, of what was measured now.

    Raises:
        UsageError: results of one run are of different test images, or a name is none for a file.
    """
    pairs = [(bench, r) for bench in benches for r in bench.results if r.run and is_artifact_name(r.artifact)]
    for run in sorted({str(result.run) for _, result in pairs}):
        runs.check_name(run)
        own = [(bench, result) for bench, result in pairs if result.run == run]
        sets = {_test_set(result) for _, result in own}
        if len(sets) != 1:
            raise UsageError(f"{run}: results of {len(sets)} different test sets; name those of one")
        first = own[0][1]
        figures = tuple(_figures(bench, result) for bench, result in own)
        yield Reference(SCHEMA, run, first.backbone, first.weights or "not known", sets.pop(), figures)


def _figures(bench: Bench, result: Result) -> Figures:
    versus = result.vs_float
    ends = None if versus is None else versus.agreement_interval
    agreement = None
    if versus is not None:
        agreement = Interval(
            versus.agreement, None if ends is None else ends.low, None if ends is None else ends.high
        )
    written = next(
        (
            d.get("edgeall")
            for d in bench.documents
            if any(r.get("sha256") == result.sha256 for r in d["results"])
        ),
        None,
    )
    return Figures(
        artifact=Path(result.artifact).name,
        precision=result.precision,
        engine=Engine(result.engine.name, result.engine.version),
        threads=result.threads,
        place=_place(bench),
        accuracy=_interval(result, "accuracy", result.accuracy_shown),
        size_bytes=result.size_bytes,
        edgeall=written or "",
        measured_at=result.measured_at or "",
        sha256=result.sha256 or "",
        auc=None if result.auc is None else _interval(result, "auc", result.auc),
        agreement=agreement,
        latency_ms=_latency(bench, result),
        wrong=None if result.predictions is None else _wrong(result.predictions),
    )


def _interval(result: Result, name: str, found: Estimate) -> Interval:
    return Interval(found.value, found.low, found.high, (result.intervals or {}).get(name, ""))


def _latency(bench: Bench, result: Result) -> Milliseconds | None:
    found, timings = latency(result, bench.emulated), result.latency_ms
    if found is None or timings is None:
        return None
    kind = latency_kind(result, bench.emulated)
    rounds = len(timings.by_round)
    return Milliseconds(
        found.value, found.low, found.high, found.method, kind, rounds, timings.n, bool(result.noisy)
    )


def _place(bench: Bench) -> Place:
    """The first document's: results of one device and machine are merged."""
    document = bench.documents[0]
    device, before = document["device"], (document.get("environment") or {}).get("before") or {}
    cores = f", {device['cores']} cores" if device.get("cores") else ""
    features = f" ({', '.join(before['flags'])})" if before.get("flags") else ""
    cards = "".join(f", {card['name']}" for card in device.get("cards") or ())
    processor = f"{device.get('model') or device.get('cpu') or 'not known'}{cores}{features}{cards}"
    return Place(bench.device, processor, device.get("system") or "not known")


def _order(recorded: RecordedPredictions) -> list[int]:
    return sorted(range(len(recorded.images)), key=lambda row: recorded.images[row])


def _wrong(recorded: RecordedPredictions) -> tuple[int, ...]:
    rows = enumerate(_order(recorded))
    return tuple(number for number, row in rows if recorded.truth[row] != recorded.positive[row])


def _test_set(result: Result) -> TestSet:
    data, split, recorded = result.data or "not known", result.split_by, result.predictions
    if recorded is None:
        return TestSet(data, split, "", result.n, result.clusters)
    order = _order(recorded)
    text = "\n".join(f"{recorded.images[row]} {int(recorded.truth[row])}" for row in order)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    if result.clusters is None or recorded.subjects is None:
        return TestSet(data, split, fingerprint, result.n)
    numbers: dict[str | None, int] = {}
    subject = tuple(numbers.setdefault(recorded.subjects[row], len(numbers)) for row in order)
    return TestSet(data, split, fingerprint, result.n, result.clusters, subject)


def merged(known: Reference | None, now: Reference) -> Reference:
    """What was known before, less figures that are measured anew in the same place with the same engine version.

    Figures on other test images are replaced altogether: they say nothing beside these.
    """
    if known is None or known.test_set != now.test_set:
        return now
    again = {(each.what, each.engine, each.place) for each in now.figures}
    kept = tuple(each for each in known.figures if (each.what, each.engine, each.place) not in again)
    return dataclasses.replace(now, figures=kept + now.figures)


def compare(known: Reference, now: Reference) -> Iterator[Finding]:
    """Each artifact, device, engine and number of threads of either side."""
    old: dict[tuple[str, str, str, int], list[Figures]] = {}
    for each in known.figures:
        old.setdefault(each.what, []).append(each)
    new = {each.what: each for each in now.figures}
    for what, entries in old.items():
        if what not in new:
            yield Finding("missing", f"{known.run}: {entries[-1].line}")
    for what, figures in new.items():
        if what not in old:
            yield Finding("new", f"{known.run}: {figures.line}")
            continue
        same = [entry for entry in old[what] if entry.place.processor == figures.place.processor]
        latest = (same or old[what])[-1]
        common = known.test_set if known.test_set == now.test_set else None
        worse = list(regressions(latest, figures, common))
        beside = f"beside {latest.engine.name} {latest.engine.version}"
        yield Finding(
            "regressed" if worse else "held",
            f"{known.run}: {figures.line}",
            f"{'; '.join(worse) or 'held'} {beside}",
        )


def regressions(old: Figures, new: Figures, common: TestSet | None) -> Iterator[str]:
    """What is worse in `new`, a part of a sentence each.

    Args:
        common: the test images, where both are of the same.
    """
    if _less_accurate(old, new, common):
        yield f"accuracy {formatting.percent(old.accuracy.value)} → {formatting.percent(new.accuracy.value)} %"
    for name in ("auc", "agreement"):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and after is not None and _fell(before, after):
            yield f"{name} {before.value:.3f} → {after.value:.3f}"
    if old.place.processor == new.place.processor and _slower(old.latency_ms, new.latency_ms):
        assert old.latency_ms is not None
        assert new.latency_ms is not None
        yield f"latency {formatting.ms(old.latency_ms.value)} → {formatting.ms(new.latency_ms.value)} ms"
    if new.size_bytes > LARGER * old.size_bytes:
        yield f"size {formatting.megabytes(old.size_bytes)} → {formatting.megabytes(new.size_bytes)} MB"


def _less_accurate(old: Figures, new: Figures, common: TestSet | None) -> bool:
    if common is None or old.wrong is None or new.wrong is None:
        return _fell(old.accuracy, new.accuracy)
    right = [np.isin(np.arange(common.images), each.wrong, invert=True) for each in (old, new)]
    subjects = None if common.subject is None else [str(number) for number in common.subject]
    return verdict_test("accuracy", np.ones(common.images, dtype=bool), *right, subjects).loss


def _fell(old: Interval, new: Interval) -> bool:
    high = independent_difference(old.estimate, new.estimate).high
    return high is not None and high < 0


def _slower(old: Milliseconds | None, new: Milliseconds | None) -> bool:
    if old is None or new is None or old.kind != new.kind or old.high is None or new.low is None:
        return False
    return new.low > old.high and new.value > SLOWER * old.value


def read(path: Path) -> Reference:
    """The reference file at `path`.

    Raises:
        UsageError: it is damaged, or of a later schema.
    """
    try:
        reference = documents.build(Reference, yaml.safe_load(path.read_text(encoding="utf-8")), strict=True)
        documents.check_schema(reference.schema, SCHEMA)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: is no reference file ({' '.join(str(error).split())})") from None
    return reference


def write(path: Path, reference: Reference) -> None:
    """Write a reference file, whole or not at all."""
    text = yaml.dump(_plain(reference), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)
    files.write_text(path, f"# Made by `make reference-figures`: see docs/cards.md.\n{text}")


class _Dumper(yaml.SafeDumper):
    """Lists of numbers in one line."""


def _sequence(dumper: yaml.SafeDumper, values: list[object]) -> yaml.Node:
    flow = all(isinstance(value, int) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flow)


_Dumper.add_representer(list, _sequence)


def _plain(value: object) -> object:
    """JSON-ready, without keys whose value is not known; figures have four decimals."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner not in (None, "")}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return float(decimals(value))
    return value if not dataclasses.is_dataclass(value) else _plain(documents.plain(value))


def _compare(known: dict[str, Reference], found: Sequence[Reference]) -> int:
    now = {each.run: each for each in found}
    findings = [
        finding for run, reference in known.items() if run in now for finding in compare(reference, now[run])
    ]
    findings += [
        Finding("new", f"{each.run}: {figures.line}")
        for each in found
        if each.run not in known
        for figures in each.figures
    ]
    for status in ("regressed", "missing", "new", "held"):
        for each in findings:
            if each.status == status:
                print(f"{status}: {each.what}{f': {each.why}' if each.why else ''}")
    bad = sum(each.status in ("regressed", "missing") for each in findings)
    print(f"{bad} of {len(findings)} missing or regressed")
    if others := sorted(known.keys() - now.keys()):
        print(f"not compared, because no result of them is named: {formatting.listed(others)}")
    return 1 if bad else 0


def _files(named: Sequence[Path]) -> list[Path]:
    return [
        file for path in named for file in (sorted(path.glob("bench/*.json")) if path.is_dir() else [path])
    ]


if __name__ == "__main__":
    sys.exit(main())
