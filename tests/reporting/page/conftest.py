"""Pages as files."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A page of bench documents, as a file; the same documents are laid out once."""
    pytest.importorskip("jinja2", reason="the page needs Jinja2")
    from edgeall import results
    from edgeall.reporting import page

    @cache
    def write(told: str) -> Path:
        benches = results.merge([(f"{number}.json", each) for number, each in enumerate(json.loads(told))])
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(page.html(benches), encoding="utf-8")
        return path

    return lambda *documents: write(json.dumps(documents))
