"""One bench: plan, measure on the device, keep every finished record, work out the figures, write them."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edgeall import __version__, artifact, documents, runs
from edgeall.benching import cost_figures
from edgeall.benching.cross_check import cross_check
from edgeall.benching.ensembles import EnsembleRecords, together
from edgeall.benching.held_out_images import TestSet, test_set
from edgeall.benching.record_checks import asked, contradiction, is_of
from edgeall.benching.result_files import Journals, ResultFile
from edgeall.benching.results_from_records import Measured, Subject, gather, results_of
from edgeall.ensembling import Ensemble
from edgeall.errors import EdgeallError, MeasurementError, UsageError
from edgeall.files import AnyPath
from edgeall.measuring.plan import BenchSettings, Job, Plan, PlannedArtifact
from edgeall.measuring.records import NOT_TRIED, AlreadyRecorded, EndOfMeasuring, Message, Record, Start
from edgeall.progress import SILENT, Progress
from edgeall.results import Document, Failure, to_json
from edgeall.results.document import Device, Environment, Result
from edgeall.targets import Profile, open_target


def bench(
    paths: Sequence[AnyPath],
    profile: Profile,
    settings: BenchSettings,
    *,
    data: AnyPath | None = None,
    ensembles: Sequence[Ensemble] = (),
    overwrite: bool = False,
    witnesses: bool = False,
    corruption_images: int = 0,
    progress: Progress = SILENT,
) -> Document:
    """Measure artifacts on a device; returns the document that `edgeall bench --json` prints.

    The results of each run's artifacts are also written to `<run>/bench/<device>.json`, beside the records they were
    made from (`<device>.records.jsonl`). Records whose artifact, images, settings and machine are unchanged are not
    measured again; what an interrupted bench finished counts. Threads and batches of earlier results stay beside those
    that `settings` ask for, which are measured where they are missing.

    Args:
        data: where the runs' images are now, or another labelled folder to score on.
        ensembles: have results too, with summed costs, where their members' artifacts are among `paths`; their
            results go to their own folders.
        overwrite: measure everything again, and replace earlier results.
        witnesses: let the engines' own tools measure the same artifacts beside edgeall (`cross_check`).
        corruption_images: test images, at most, that each artifact answers after each of `corruptions.CHANGES`; 0 for
            none but those that earlier results hold.

    Raises:
        UsageError: earlier results would be replaced and `overwrite` does not allow it, or a run-less artifact
            without `data`.
        MeasurementError: nothing could be measured.
    """
    data = None if data is None else Path(data)
    failures: list[Failure] = []
    notes: list[str] = []
    subjects = _subjects([Path(path) for path in paths], profile, data, failures, notes)
    for note in notes:
        progress.note(note)
    folder_of = {s.artifact.sha256: s.run_folder for s in subjects if s.run_folder is not None}
    journals = Journals(folder_of, profile.name)
    with journals.alone(progress.note):
        outputs, whole_outputs = (
            {folder: ResultFile(folder, profile.name, overwrite) for folder in dict.fromkeys(folders)}
            for folders in (folder_of.values(), [ensemble.path for ensemble in ensembles])
        )
        plan = _plan(subjects, settings, {} if overwrite else outputs, corruption_images)
        measured = _carry_out(subjects, profile, plan, journals, outputs, overwrite, progress)
        failures += measured.failures(subjects)
        found = gather(subjects, measured.records)
        combined = _combine(found, ensembles, failures, notes, progress)
        wholes = [each.measured for each in combined]
        members = {each.measured.subject.artifact.sha256: each.members for each in combined}
        document = _document(profile, settings, measured, [*found, *wholes], members, failures, notes)
        if not document.results:
            reasons = dict.fromkeys(failure.error for failure in failures)
            raise MeasurementError("; ".join(each for each in reasons if not each.startswith(NOT_TRIED)))
        earlier = [output.earlier.environment for output in outputs.values() if output.earlier is not None]
        if not measured.fresh and earlier:
            # Nothing was measured now: the machine's state then is the one that counts.
            document = dataclasses.replace(document, environment=earlier[0])
        for output in outputs.values():
            document = output.with_checks(document)
        fresh = measured.fresh
        if witnesses:
            checks = cross_check(document.results, subjects, profile, settings, progress)
            checked = tuple(
                dataclasses.replace(result, cross_check=check)
                for result, check in zip(document.results, checks, strict=True)
            )
            document = dataclasses.replace(document, results=checked)
            fresh |= {result.sha256 for result in checked if result.sha256 is not None}
        for folder, output in outputs.items():
            mine = {subject.artifact.sha256 for subject in subjects if subject.run_folder == folder}
            # Where a cross-check alone is new, device and state of the machine are those of the measurements.
            output.write(_only(document, mine), fresh, keep_machine=measured.fresh.isdisjoint(mine))
        for ensemble in ensembles:
            mine = {m.subject.artifact.sha256 for m in wholes if m.subject.run_folder == ensemble.path}
            if mine:
                whole_outputs[ensemble.path].write(_only(document, mine), frozenset(mine))
        return document


@dataclass(frozen=True)
class _Measured:
    """What came back. `fresh`: artifacts of which something was measured just now."""

    start: Start
    end: EndOfMeasuring
    records: list[Record]
    fresh: frozenset[str]

    def failures(self, subjects: Sequence[Subject]) -> list[Failure]:
        names = {subject.artifact.sha256: subject.shown for subject in subjects}
        return [
            Failure(
                artifact=names[record.artifact],
                sha256=record.artifact,
                kind=record.kind,
                threads=record.threads,
                round=record.round,
                batch=record.batch,
                change=record.change or None,
                error=record.error,
            )
            for record in self.records
            if record.error is not None
        ]


def _subjects(
    paths: Sequence[Path],
    profile: Profile,
    data: Path | None,
    failures: list[Failure],
    notes: list[str],
) -> list[Subject]:
    """Artifacts that can be tested, each content once; what cannot be read goes to `failures`."""
    found: dict[str, Subject] = {}
    sets: dict[tuple[Path | None, tuple[str, ...]], TestSet] = {}
    first_error: EdgeallError | None = None
    for path in paths:
        try:
            opened = artifact.read(path)
            if opened.metadata.format not in profile.formats:
                notes.append(
                    f"{path}: device {profile.name} does not take {opened.metadata.format}; left out"
                )
                continue
            run = runs.of_artifact(path)
            folder = None if run is None else run.path
            key = (folder, opened.metadata.decision.labels)
            if key not in sets:
                sets[key] = test_set(opened, run, data)
                notes += sets[key].notes
            if opened.sha256 in found:
                notes.append(f"{path}: the same artifact as {found[opened.sha256].shown}; measured once")
                continue
            found[opened.sha256] = Subject(str(path), opened, folder, sets[key])
        except EdgeallError as error:
            first_error = first_error or error
            failures.append(Failure(artifact=str(path), error=str(error)))
            notes.append(f"failed: {error}")
    if not found:
        raise first_error or UsageError(f"no artifact that device {profile.name} takes")
    return list(found.values())


def _plan(
    subjects: Sequence[Subject],
    settings: BenchSettings,
    kept: dict[Path, ResultFile],
    corruption_images: int,
) -> Plan:
    """What the settings ask of all, and of each artifact what earlier results, which are to stay, tell of it too."""
    earlier = {figure for output in kept.values() for figure in output.figures()}
    corrupted = {
        sha256: most for output in kept.values() for sha256, most in output.corruption_images().items()
    }

    def also(sha256: str) -> tuple[tuple[int, int], ...]:
        timed = (f for f in earlier if f.artifact == sha256 and f.kind in ("latency", "batch"))
        return tuple(sorted((figure.threads, figure.batch) for figure in timed if figure.threads))

    return Plan(
        artifacts=tuple(
            PlannedArtifact.of(
                s.artifact,
                s.tests.key,
                also(s.artifact.sha256),
                corruption_images or corrupted.get(s.artifact.sha256, 0),
            )
            for s in subjects
        ),
        image_sets={s.tests.key: s.tests.images for s in subjects},
        settings=settings,
    )


def _carry_out(
    subjects: Sequence[Subject],
    profile: Profile,
    plan: Plan,
    journals: Journals,
    outputs: dict[Path, ResultFile],
    overwrite: bool,
    progress: Progress,
) -> _Measured:
    """Have the device measure what is not known of earlier."""
    of = {subject.artifact.sha256: subject for subject in subjects}
    with closing(open_target(profile, progress)) as target:
        if reason := target.unreachable():
            raise MeasurementError(f"device {profile.name} cannot be reached: {reason}")
        known = {}
        for key, record in ({} if overwrite else journals.read(progress.note)).items():
            if reason := contradiction(record, of):
                progress.note(f"an earlier record of {of[record.artifact].shown} is passed over: {reason}")
            else:
                known[key] = record
        while True:
            with closing(target.measure(plan, known.keys())) as messages:
                start = next(messages, None)
                if not isinstance(start, Start):
                    raise MeasurementError("the device did not begin to measure")
                wanted = asked(plan, start)
                foreign = [key for key, job in wanted.items() if key in known and not is_of(known[key], job)]
                if not foreign:
                    if not overwrite:
                        _refuse_replacing(start, known, outputs, subjects)
                        _refuse_others([known[key] for key in wanted if key in known], outputs, subjects)
                    return _measure(start, messages, wanted, known, journals, of, progress)
            progress.note(
                f"{len(foreign)} earlier records are of other measurements than they say: passed over"
            )
            known = {key: record for key, record in known.items() if key not in foreign}


def _measure(
    start: Start,
    messages: Iterator[Message],
    wanted: dict[str, Job],
    known: dict[str, Record],
    journals: Journals,
    subjects: dict[str, Subject],
    progress: Progress,
) -> _Measured:
    waiting = dict(wanted)
    records: list[Record] = []
    fresh: set[str] = set()
    end = None
    count = f"{len(subjects)} artifact{'s'[: len(subjects) != 1]}"
    with progress.stage(f"measuring {count}", len(start.jobs)) as advance:
        for message in messages:
            if isinstance(message, EndOfMeasuring):
                end = message
                continue
            if isinstance(message, Start):
                raise MeasurementError("the device began twice; run the same command again")
            job = waiting.pop(message.key, None)
            if job is None or not (
                message.key in known if isinstance(message, AlreadyRecorded) else is_of(message, job)
            ):
                raise MeasurementError("the device told of something that it was not asked, or twice")
            if isinstance(message, AlreadyRecorded):
                records.append(known[message.key])
            else:
                if reason := contradiction(message, subjects):
                    error = f"{subjects[message.artifact].artifact.path.name}: {reason}"
                    message = dataclasses.replace(message, result=None, error=error)
                journals.append(message)
                records.append(message)
                fresh.add(message.artifact)
                if message.error is not None and not message.error.startswith(NOT_TRIED):
                    progress.note(f"failed: {message.error}")
            advance(1)
    if end is None or waiting:
        raise MeasurementError(
            "the device stopped before the end; what it finished is kept, run the same command again"
        )
    return _Measured(start, end, records, frozenset(fresh))


def _refuse_replacing(
    start: Start, known: dict[str, Record], outputs: dict[Path, ResultFile], subjects: Sequence[Subject]
) -> None:
    """Earlier figures of an unchanged artifact are replaced only when the user says so. What failed is tried again,
    and what there was not is added."""
    pending = {figure for key, figure in start.jobs if key not in known}
    for subject in subjects:
        output = outputs.get(subject.run_folder) if subject.run_folder else None
        replaced = set() if output is None else output.settled() & pending
        if output and any(figure.artifact == subject.artifact.sha256 for figure in replaced):
            raise UsageError(
                f"{output.path} holds results of {subject.shown} under other settings, images or libraries: "
                "--overwrite to replace them"
            )


def _refuse_others(
    records: Sequence[Record], outputs: dict[Path, ResultFile], subjects: Sequence[Subject]
) -> None:
    """Nor are they replaced by records of before, as of an earlier bench under these settings or on these images."""
    for m in gather(subjects, records):
        output = outputs.get(m.subject.run_folder) if m.subject.run_folder else None
        if output and output.contradicts(m):
            raise UsageError(
                f"{output.path} holds results of {m.name} from a later bench, and the records of these settings and "
                "images are others: --overwrite to measure again and replace them"
            )


def _of_members(result: Result, members: tuple[str, ...]) -> Result:
    """With the artifacts of an ensemble, which may read inputs of several sizes."""
    return dataclasses.replace(result, members=members, input_size=None) if members else result


def _document(
    profile: Profile,
    settings: BenchSettings,
    measured: _Measured,
    found: Sequence[Measured],
    members: Mapping[str, Sequence[str]],
    failures: Sequence[Failure],
    notes: Sequence[str],
) -> Document:
    before = measured.start.environment
    processor = None if profile.emulated is None else profile.emulated.cpu
    results = tuple(
        _of_members(result, tuple(members.get(result.sha256 or "", ())))
        for result in results_of(found, settings, before["emulated"], processor)
    )
    identity = before | {"name": profile.name, "cards": to_json(cost_figures.cards(results))}
    return Document(
        edgeall=__version__,
        device=documents.build(Device, identity),
        environment=Environment(before, measured.end.environment),
        results=results,
        failures=tuple(failures),
        notes=tuple(notes),
    )


def _combine(
    found: Sequence[Measured],
    ensembles: Sequence[Ensemble],
    failures: list[Failure],
    notes: list[str],
    progress: Progress,
) -> list[EnsembleRecords]:
    """What stands for the ensembles; one of which nothing does goes to `failures`."""
    combined = together(found, ensembles)
    for ensemble in ensembles:
        mine = [each for each in combined if each.measured.subject.run_folder == ensemble.path]
        if not mine:
            error = (
                f"{ensemble.path}: no artifacts of one recipe were measured of all its members on the same images; "
                f"make them with: edgeall export {ensemble.path}"
            )
            failures.append(Failure(artifact=str(ensemble.path), error=error))
            progress.note(f"failed: {error}")
        elif any(each.apart for each in mine):
            notes.append(
                f"{ensemble.path}: rounds of its members were not all measured in one go; --overwrite to measure them "
                "in turn"
            )
            progress.note(notes[-1])
    return combined


def _only(document: Document, artifacts: Collection[str]) -> Document:
    """The part of a document that is about artifacts, by SHA-256."""
    return dataclasses.replace(
        document,
        results=tuple(result for result in document.results if result.sha256 in artifacts),
        failures=tuple(failure for failure in document.failures or () if failure.sha256 in artifacts),
    )
