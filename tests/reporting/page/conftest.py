"""Pages as files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A page of bench documents, as a file."""
    pytest.importorskip("jinja2", reason="the page needs Jinja2")
    from edgeall import results
    from edgeall.reporting import page

    def write(*documents: dict[str, Any]) -> Path:
        benches = results.merge([(f"{number}.json", each) for number, each in enumerate(documents)])
        path = tmp_path / "report.html"
        path.write_text(page.html(benches), encoding="utf-8")
        return path

    return write
