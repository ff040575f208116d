"""Pages as files, and a browser to read them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from headless_browser import OPTIONS, Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs Selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver is installed (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()


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
