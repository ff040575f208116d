"""A run's results of one device, in their file."""

from pathlib import Path

import pytest
from bench_documents import document, result

from edgeall import documents, results
from edgeall.benching.result_files import ResultFile
from edgeall.errors import MeasurementError


def test_results_that_could_not_be_read_back_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = results.build("it", document([result(sha256="1" * 64)]))
    file = ResultFile(tmp_path / "run", "laptop")
    file.write(made, frozenset())
    before = file.path.read_bytes()
    monkeypatch.setattr(documents, "MAX_BYTES", len(before) - 1)
    again = ResultFile(tmp_path / "run", "other")
    with pytest.raises(MeasurementError, match=r"other\.json: not written: it would be larger than"):
        again.write(made, frozenset())
    assert [path.name for path in file.path.parent.iterdir()] == ["laptop.json"]
    assert file.path.read_bytes() == before
