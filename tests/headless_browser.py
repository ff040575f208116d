"""A headless Chromium without a network, as a reader's browser."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Smooth scrolling would move what is about to be clicked.
    *("--window-size=1400,1000", "--force-prefers-reduced-motion"),
    # No name leads anywhere, and no address but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True)
class Browser:
    """What a test does with a page; `driver` is Selenium's."""

    driver: Any

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light") -> None:
        """Show a file at a width, as 900 px high; logs start anew."""
        self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        self.driver.get("about:blank")
        self.console()
        self.driver.get_log("performance")
        self.driver.get(page.as_uri())

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """What a script returns, whose `return` it needs."""
        return self.driver.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """Messages since they were last read: errors, and what the page's policy forbade."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked_for(self) -> list[str]:
        """Addresses of what the page asked for since it was opened."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        return [
            m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"
        ]

    def press(self, *keys: str) -> None:
        """Keys, to what has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def _tell(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)
