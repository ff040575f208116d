"""What rounds of `make bench` hold for."""

import shutil
from pathlib import Path

from bench import samples
from bench.sections import int8
from small_run import draw, make_run


def test_rounds_of_a_run_hold_for_its_artifacts_too(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "run.json").write_text("{}")
    names = [samples.name_of({"run": tmp_path}, quick=False)]
    for text in ('{"artifacts": [{"sha256": "1"}]}', '{"artifacts": [{"sha256": "2"}]}'):
        (tmp_path / "exports" / "manifest.json").write_text(text)
        names.append(samples.name_of({"run": tmp_path}, quick=False))
    assert len(set(names)) == 3
    assert names[-1] == samples.name_of({"run": tmp_path}, quick=True)


def test_the_rounds_of_int8_hold_for_the_runs_of_the_name_and_for_their_artifacts(tmp_path: Path) -> None:
    """Trained or exported anew under the same name they are others."""
    draw(tmp_path / "data", {"healthy": 12, "all": 12})
    folder = tmp_path / "mine.folds"
    told = []
    for name in ("fold-1", "fold-2"):
        run = make_run(folder / name, tmp_path / "data")
        told.append(int8.basis({"run": folder}, quick=False)["runs"])
    for text in ('{"artifacts": [{"sha256": "1"}]}', '{"artifacts": [{"sha256": "2"}]}'):
        run.exports.mkdir(exist_ok=True)
        (run.exports / "manifest.json").write_text(text)
        told.append(int8.basis({"run": folder}, quick=False)["runs"])
    shutil.rmtree(folder / "fold-1")
    make_run(folder / "fold-1", tmp_path / "data", test=10)
    told.append(int8.basis({"run": folder}, quick=False)["runs"])
    assert len(set(told)) == 5
    assert told[-1] == int8.basis({"run": folder}, quick=False)["runs"]
