"""A headless Chromium without a network, as a reader's browser."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A camera that draws its own pictures.
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    # Smooth scrolling would move what is about to be clicked.
    *("--window-size=1400,1000", "--force-prefers-reduced-motion"),
    # No name leads anywhere, and no address but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True)
class Browser:
    """What a test does with a page; `driver` is Selenium's."""

    driver: Any

    def open(self, page: Path | str, *, width: int = 1280, scheme: str = "light") -> None:
        """Show a file or an address at a width, as 900 px high; logs start anew."""
        self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        self.driver.get("about:blank")
        self.console()
        self.driver.get_log("performance")
        self.driver.get(page if isinstance(page, str) else page.as_uri())

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """What a script returns, whose `return` it needs."""
        return self.driver.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """Messages since they were last read: errors, and what the page's policy forbade."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked_for(self) -> list[str]:
        """Addresses of what the page asked for since it was opened."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def press(self, *keys: str) -> None:
        """Keys, to what has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def _tell(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)


@contextmanager
def headless_browser(profile: Path) -> Iterator[Browser]:
    """Chromium during the block; skips the test where it, its driver or Selenium is missing.

    Args:
        profile: an empty folder.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs Selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver is installed (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()


def axe_violations(browser: Browser) -> list[tuple[str, str, list[str]]]:
    """What axe finds against the page that is shown: rule, meaning, first elements. Skips where axe is missing."""
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python")
    source = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    # By the developer tools, because a page's policy can forbid the page itself to run more.
    browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": source})
    found = browser.driver.execute_async_script(
        "axe.run().then((found) => arguments[0](found), (error) => arguments[0](String(error)))"
    )
    assert len(found["passes"]) > 20
    return [
        (each["id"], each["help"], [node["html"] for node in each["nodes"]][:3])
        for each in found["violations"]
    ]
