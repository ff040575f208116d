"""The record that other tests export from: it says what workers do, and knows another step from the same one."""

import dataclasses
from pathlib import Path

import pytest
import recorded_workers
from keras_run import copy_run

from edgeall import runs
from edgeall.errors import ExportError
from edgeall.exporting import export_run, load_recipe
from edgeall.exporting.worker_pool import WorkerPool

RECIPE = load_recipe("onnx-fp32")


@pytest.mark.real_workers("reference", "onnx", "convert", "evaluate")
def test_an_export_from_the_record_is_that_of_real_workers(
    run: runs.Run, records: Path, tmp_path: Path
) -> None:
    other = copy_run(run, tmp_path / "other" / run.name)
    (real,) = export_run(run, [RECIPE])
    with recorded_workers.recorded(records):
        (again,) = export_run(other, [RECIPE])
    assert dataclasses.replace(again, path=real.path, seconds=real.seconds) == real


def convert(run: runs.Run, folder: Path) -> ExportError:
    """The failure of a conversion to OpenVINO in `folder`."""
    recipe, out = load_recipe("openvino-fp32").to_dict(), str(folder / "out.xml")
    with WorkerPool(1) as workers, pytest.raises(ExportError) as caught:
        workers.run_step("convert", run, folder, recipe=recipe, calibration=None, out=out)
    return caught.value


def test_a_failure_is_recorded_with_its_notes_and_another_input_is_another_step(
    run: runs.Run, tmp_path: Path
) -> None:
    (tmp_path / "records").mkdir()
    with recorded_workers.recorded(tmp_path / "records"):
        for place, content, known in (("a", b"no model", 1), ("b", b"no model", 1), ("c", b"nor this", 2)):
            folder = tmp_path / place
            folder.mkdir()
            (folder / "model.onnx").write_bytes(content)
            failure = convert(run, folder)
            assert "step 'convert' failed" in str(failure)
            assert "convert_impl.py" in "\n".join(failure.__notes__)
            assert len(list((tmp_path / "records").glob("convert-*/"))) == known
