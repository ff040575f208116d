"""From paths to facts."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgeall import artifact, files, results, runs
from edgeall.artifact import Artifact
from edgeall.cards.facts import Facts, File
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.results import Bench
from edgeall.runs import Run


def gather(artifacts: Sequence[AnyPath], result_files: Sequence[AnyPath] | None = None) -> tuple[Facts, ...]:
    """Facts of artifacts, in order.

    Args:
        result_files: of bench; None for those of each artifact's run. Results of other files than the artifact, of an
            earlier export for one, are left out.

    Raises:
        ArtifactError: one is missing or damaged.
        UsageError: a result file is missing, or none of those named has a result of any artifact.
    """
    named = None if result_files is None else results.load(result_files)
    found = tuple(_facts(Path(path), named) for path in artifacts)
    if named is not None and not any(facts.benches for facts in found):
        raise UsageError(
            "the result files have no result of these artifacts (their checksums differ): measure them with "
            "edgeall bench, or leave out --results"
        )
    return found


def _facts(path: Path, named: tuple[Bench, ...] | None) -> Facts:
    read = artifact.read(path)
    run = _run_of(read)
    benches = named if named is not None else () if run is None else results.load(_results_of(run))
    own = (
        dataclasses.replace(
            bench, results=tuple(result for result in bench.results if result.sha256 == read.sha256)
        )
        for bench in benches
    )
    return Facts(
        read,
        tuple(
            File(file.name, files.sha256_file(file), file.stat().st_size) for file in artifact.files_of(path)
        ),
        run,
        tuple(bench for bench in own if bench.results),
    )


def _run_of(read: Artifact) -> Run | None:
    """The run around an artifact, if it is still the one that the artifact was made from."""
    run = runs.of_artifact(read.path)
    made = read.metadata.provenance
    if run is None or run.data.fingerprint != made.data_fingerprint:
        return None
    return None if made.model_sha256 not in ("", files.sha256_file(run.model_path)) else run


def _results_of(run: Run) -> list[Path]:
    return [file for file in sorted((run.path / "bench").glob("*.json")) if not files.is_hidden(file)]
