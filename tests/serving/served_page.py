"""The page of a station as a reader uses it."""

from pathlib import Path
from typing import Any

from headless_browser import Browser
from served import Served

SECONDS = 30
"""How long a test waits for what a page is to show."""

ENTRIES = "return Array.from(document.querySelectorAll('.entry .path'), (each) => each.textContent)"
VERDICT = "return document.querySelector('.verdict')?.textContent ?? ''"


class Page:
    """The page of a station in a browser."""

    def __init__(self, browser: Browser, station: Served) -> None:
        self.browser, self.station = browser, station

    def open(self, **view: Any) -> "Page":
        self.browser.driver.get("about:blank")
        self.browser.open(self.station.address.url, **view)
        self.until("return document.body?.dataset.ready === 'true'")
        return self

    def until(self, script: str, *arguments: Any) -> Any:
        """What a script returns, as soon as it is true."""
        from selenium.webdriver.support.wait import WebDriverWait

        waiting = WebDriverWait(self.browser.driver, SECONDS, poll_frequency=0.05)
        return waiting.until(lambda driver: driver.execute_script(script, *arguments), script)

    def find(self, selector: str) -> Any:
        return self.browser.driver.find_element("css selector", selector)

    def send(self, *files: Path) -> None:
        """Choose files, as with the button."""
        before = len(self.entries)
        self.find("#files").send_keys("\n".join(map(str, files)))
        self.until(f"{ENTRIES}.length >= arguments[0]", before + len(files))
        self.until("return document.getElementById('sending').hidden")

    @property
    def entries(self) -> list[str]:
        return list(self.browser.evaluate(ENTRIES))

    @property
    def verdict(self) -> str:
        return str(self.browser.evaluate(VERDICT))

    def choose(self, select: str, value: str) -> None:
        from selenium.webdriver.support.select import Select

        Select(self.find(select)).select_by_value(value)
