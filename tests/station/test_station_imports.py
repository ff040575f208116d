"""A station's modules run where nothing is installed: they import the standard library and one another."""

import ast
import sys
from pathlib import Path

import pytest

from edgeall import station

FILES = sorted(Path(station.__file__).parent.glob("*.py"))
OPTIONAL = {"zstandard", "compression"}
"""Imported where they are there, to read .tar.zst."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_else_is_imported(file: Path) -> None:
    own = {path.stem for path in FILES}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [(node.module or "").partition(".")[0]]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1
            assert {node.module} <= own or {alias.name for alias in node.names} <= own
            continue
        else:
            continue
        assert set(names) <= sys.stdlib_module_names | OPTIONAL


def test_what_is_sent_to_boards_needs_none_of_the_others() -> None:
    source = (Path(station.__file__).parent / "unpacking.py").read_text(encoding="utf-8")
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(ast.parse(source)))
