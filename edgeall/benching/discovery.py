"""Which artifacts a user means by runs, files or nothing at all."""

from collections.abc import Sequence
from pathlib import Path

from edgeall import files, runs
from edgeall.artifact import is_artifact_name
from edgeall.engines import FILES
from edgeall.ensembling import Ensemble, is_ensemble, load
from edgeall.errors import RunError, UsageError
from edgeall.files import AnyPath


def find_artifacts(named: Sequence[AnyPath], root: AnyPath = runs.RUNS_FOLDER) -> list[Path]:
    """Paths of artifacts, each once: those named; of a run (its folder or name) all exports; of nothing every run's.

    Raises:
        RunError: no runs, or a named one has no exports.
        UsageError: a name that is neither.
    """
    root = Path(root)
    if not named:
        found = [path for run in runs.find(root) for path in _exports(run.path)]
        if not found:
            raise RunError(f"{root}: no run there has exports; make them with: edgeall export")
        return found
    every = [path for name in named for path in _of_name(Path(name), root)]
    return list({path.resolve(): path for path in every}.values())


def find_ensembles(named: Sequence[AnyPath], root: AnyPath = runs.RUNS_FOLDER) -> list[Ensemble]:
    """The ensembles among what is named; `find_artifacts` finds their members' artifacts.

    Raises:
        RunError: one is damaged, or a member has changed.
    """
    root = Path(root)
    places = [folder for name in named for folder in (Path(name), root / name) if is_ensemble(folder)]
    return [load(place) for place in {place.resolve(): place for place in places}.values()]


def _of_name(name: Path, root: Path) -> list[Path]:
    if is_artifact_name(name):
        return [name]
    for folder in (name, root / name):
        if is_ensemble(folder):
            return [path for member in load(folder).members for path in _of_name(member, root)]
        if (folder / "run.json").is_file():
            found = _exports(runs.load(folder).path)
            if not found:
                raise RunError(f"{folder}: has no exports; make them with: edgeall export {name}")
            return found
    raise UsageError(f"{name}: neither a run nor an artifact ({FILES})")


def _exports(run: Path) -> list[Path]:
    return [
        path
        for path in sorted((run / "exports").glob("*"))
        if is_artifact_name(path) and path.is_file() and not files.is_hidden(path)
    ]
