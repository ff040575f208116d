"""Several boards at once."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from loopback_board import LoopbackBoard
from over_ssh import SHORT, Heard

from edgeall.benching import bench, census, find_artifacts, fleet
from edgeall.errors import MeasurementError
from edgeall.reporting.devices_table import side_by_side
from edgeall.results import merge, to_json


@pytest.fixture
def four(board: LoopbackBoard, tmp_path: Path) -> Iterator[dict[str, LoopbackBoard]]:
    """Two sound boards, one that does not answer, one whose host key is not the known one."""
    with ExitStack() as running:
        others = {name: LoopbackBoard(tmp_path / name) for name in ("second", "dead", "changed")}
        for name in ("second", "changed"):
            running.enter_context(others[name])
        others["changed"].know("other")
        yield {"first": board, **others}


def test_a_fleet_has_a_file_a_board_and_one_table(four: dict[str, LoopbackBoard], runs_folder: Path) -> None:
    paths = find_artifacts(["tiny"], runs_folder)[:1]
    at = {name: each.profile(folder="~/fleet").at(each.address()) for name, each in four.items()}
    heard = Heard()
    work = {
        name: lambda progress, it=it: bench(paths, it, SHORT, progress=progress) for name, it in at.items()
    }
    ended = {outcome.name: outcome for outcome in fleet(work, heard, at_once=2)}
    assert ended.keys() == four.keys()
    assert census(ended.values()) == "4 boards: 2 measured, 0 measured in part, 2 not measured"
    assert isinstance(ended["dead"].error, MeasurementError)
    assert "no ssh server is running there" in str(ended["dead"].error)
    assert "host key" in str(ended["changed"].error)
    files = {path.name for path in (runs_folder / "tiny" / "bench").glob("*.json")}
    assert files == {f"loopback-127.0.0.1-{four[name].port}.json" for name in ("first", "second")}
    documents = {name: ended[name].document for name in ("first", "second")}
    (row,) = side_by_side(merge([(name, to_json(document)) for name, document in documents.items()])).rows
    assert "–" not in row[2:]
    # The same artifact on two boards of this one machine.
    assert row[-1] == "12 of 12"
    assert any(stage.startswith("first: measuring") for stage in heard.stages)
