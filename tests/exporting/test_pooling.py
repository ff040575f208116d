"""Outputs that exports of folds saved, judged together."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgeall.errors import ExportError
from edgeall.exporting import pooling
from edgeall.exporting.recipes import load_recipe


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_damaged_outputs_are_named(content: bytes, tmp_path: Path) -> None:
    exported: list[Any] = []
    for name in ("one", "two"):
        artifact = tmp_path / name / f"{name}_onnx-int8.onnx"
        saved = artifact.parent / pooling.FOLDER / f"{artifact.name}.npz"
        saved.parent.mkdir(parents=True)
        saved.write_bytes(content)
        exported.append(SimpleNamespace(recipe="onnx-int8", path=artifact, run=name))
    with pytest.raises(ExportError, match=r"one_onnx-int8\.onnx\.npz: damaged .* export again"):
        pooling.pool(exported, [load_recipe("onnx-int8")], tmp_path)
    assert not (tmp_path / pooling.DOCUMENT).exists()
