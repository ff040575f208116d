"""The page as a PDF."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_documents import document, result

pytest.importorskip("jinja2", reason="the page needs Jinja2")

from edgeall import results
from edgeall.errors import UsageError
from edgeall.reporting import page
from edgeall.reporting.page import printing

Install = Callable[[str], None]


@pytest.fixture
def html() -> str:
    return page.html(results.merge([("laptop.json", document([result()]))]))


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a shell script in the place of every browser."""

    def install(script: str) -> None:
        program = tmp_path / "bin" / "chromium"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(printing, "BROWSERS", (str(program),))

    return install


def test_chromium_prints_it(html: str, tmp_path: Path) -> None:
    if not any(map(shutil.which, printing.BROWSERS)):
        pytest.skip("no Chromium, Chrome or Edge is installed")
    page.write_pdf(html, tmp_path / "report.pdf")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert b"/StructTreeRoot" in printed, "its structure is for screen readers"
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]


def test_without_a_browser_there_is_one_line(
    html: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "BROWSERS", ("no-such-browser",))
    with pytest.raises(
        UsageError, match=r"report\.pdf: a PDF is printed by Chromium.* install one, or write"
    ):
        page.write_pdf(html, tmp_path / "report.pdf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "script", ["exit 3", "for a; do case $a in --print-to-pdf=*) echo no >${a#*=};; esac; done"]
)
def test_a_browser_that_prints_nothing_leaves_the_file_as_it_was(
    script: str, html: str, tmp_path: Path, browser: Install
) -> None:
    browser(script)
    (tmp_path / "report.pdf").write_text("mine")
    with pytest.raises(UsageError, match=r"report\.pdf: .*chromium printed nothing"):
        page.write_pdf(html, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_text() == "mine"
