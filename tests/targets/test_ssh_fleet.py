"""Several boards at once."""

from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from loopback_board import LoopbackBoard
from over_ssh import SHORT, Heard

from edgeall.benching import bench, find_artifacts, fleet
from edgeall.errors import MeasurementError
from edgeall.reporting.devices_table import side_by_side
from edgeall.results import merge, to_json


def test_a_fleet_has_a_file_a_board_and_one_table(
    board: LoopbackBoard, tmp_path: Path, runs_folder: Path
) -> None:
    paths = find_artifacts(["tiny"], runs_folder)[:1]
    with LoopbackBoard(tmp_path / "second") as second:
        at = {
            "one": board.profile(folder="~/fleet").at(board.address()),
            "two": second.profile().at(second.address()),
            "off": board.profile().at(board.address(port=1)),
        }
        heard = Heard()
        documents, errors = fleet(
            {
                name: lambda progress, it=it: bench(paths, it, SHORT, progress=progress)
                for name, it in at.items()
            },
            heard,
        )
    assert list(documents) == ["one", "two"]
    assert isinstance(errors["off"], MeasurementError)
    for each in (board, second):
        assert (runs_folder / "tiny" / "bench" / f"loopback-127.0.0.1-{each.port}.json").is_file()
    (row,) = side_by_side(merge([(name, to_json(document)) for name, document in documents.items()])).rows
    assert "–" not in row[2:]
    # The same artifact on two boards of this one machine.
    assert row[-1] == "12 of 12"
    assert any(stage.startswith("one: measuring") for stage in heard.stages)
