"""The page in a real Chromium whose network is cut."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_documents import document, journey, result
from headless_browser import Browser, axe_violations

Write = Callable[..., Path]
FAILED_PARITY = {"n": 20, "agreement": 0.5, "max_abs_diff": 0.9, "mean_abs_diff": 0.4, "passed": False}
WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")

COLUMN = """
const rows = document.querySelector(arguments[0]).closest("table").tBodies[0].rows;
return Array.from(rows, (row) => row.cells[arguments[1]].textContent.trim());
"""
HEADING = "#device-laptop-results ~ thead th:nth-child({})"
RESULTS = "#device-laptop-results"


def story() -> dict[str, Any]:
    """Twelve artifacts with subjects, one of them with a time that is not known."""
    told = journey(subjects=11)
    told["results"][0] |= {"latency_ms": None, "end_to_end_ms": None}
    return told


def column(browser: Browser, place: int) -> list[str]:
    return list(browser.evaluate(COLUMN, RESULTS, place))


def heading(browser: Browser, place: int) -> Any:
    return browser.driver.find_element("css selector", f"{HEADING.format(place + 1)} button")


@pytest.fixture
def opened(browser: Browser, written: Write) -> Browser:
    browser.open(written(story()))
    return browser


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_asks_for_nothing_and_reports_no_error(browser: Browser, written: Write, scheme: str) -> None:
    path = written(story(), document([result()], device="rpi5"))
    browser.open(path, scheme=scheme)
    browser.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert browser.asked_for() == [path.as_uri()]
    assert browser.console() == []


def test_its_policy_lets_nothing_else_run_or_load(opened: Browser) -> None:
    opened.evaluate(
        """
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/picture.png";
        document.body.append(script, image);
        """
    )
    assert opened.evaluate("return window.ran === undefined")
    refused = [line for line in opened.console() if "Content Security Policy" in line]
    assert [kind for line in refused for kind in ("inline script", "the image") if kind in line] == [
        "inline script",
        "the image",
    ], refused


def test_a_click_sorts_and_a_second_one_turns_the_order(opened: Browser) -> None:
    accuracy = 4
    heading(opened, accuracy).click()
    found = [float(cell.split()[0]) for cell in column(opened, accuracy)]
    assert found == sorted(found)
    assert len(set(found)) > 1
    heading(opened, accuracy).click()
    assert [float(cell.split()[0]) for cell in column(opened, accuracy)] == found[::-1]
    sorts = (
        "return Array.from(document.querySelectorAll('[aria-sort]'), (th) => th.getAttribute('aria-sort'))"
    )
    assert opened.evaluate(sorts) == ["descending"]


def test_what_is_not_known_stays_last_whichever_way(opened: Browser) -> None:
    latency = 9
    for _ in range(2):
        heading(opened, latency).click()
        cells = column(opened, latency)
        assert [place for place, cell in enumerate(cells) if cell == "–"] == [len(cells) - 1]


def test_rows_stay_whole_when_they_are_sorted(opened: Browser) -> None:
    script = """
    const rows = document.querySelector("#device-laptop-results").closest("table").tBodies[0].rows;
    return Array.from(rows, (row) => row.textContent);
    """
    before = opened.evaluate(script)
    heading(opened, 9).click()
    after = opened.evaluate(script)
    assert after != before
    assert sorted(after) == sorted(before)


@pytest.mark.parametrize("key", ["\ue007", "\ue00d"], ids=["enter", "space"])
def test_the_keyboard_sorts(opened: Browser, key: str) -> None:
    opened.evaluate("arguments[0].focus()", heading(opened, 9))
    opened.press(key)
    times = [float(cell.split()[0]) for cell in column(opened, 9) if cell != "–"]
    assert times == sorted(times)
    assert opened.evaluate("return document.activeElement.tagName") == "BUTTON"
    # The next heading is one step of the Tab key away.
    opened.press("\ue004")
    assert opened.evaluate("return document.activeElement.textContent").startswith("end to end")


def test_names_are_sorted_as_words(opened: Browser) -> None:
    heading(opened, 0).click()
    heading(opened, 0).click()
    names = column(opened, 0)
    assert names == sorted(names, key=str.casefold, reverse=True)


def test_points_of_the_trade_off_are_those_of_the_results(browser: Browser, written: Write) -> None:
    """By their attributes, and by their places on the screen."""
    told = journey(subjects=11)
    browser.open(written(told))
    points = browser.evaluate(
        """
        return Array.from(document.querySelectorAll("[id^=trade-off] .point"), (point) => {
          const box = point.getBoundingClientRect();
          return [point.dataset.artifact, Number(point.dataset.threads), Number(point.dataset.x),
                  Number(point.dataset.y), box.x + box.width / 2, box.y + box.height / 2];
        });
        """
    )
    drawn = {(artifact, threads): (x, y) for artifact, threads, x, y, *_ in points}
    assert drawn == {
        (r["artifact"], r["threads"]): (r["latency_ms"]["p50"], r["accuracy"]["value"])
        for r in told["results"]
    }
    first, last = min(points, key=lambda p: p[2]), max(points, key=lambda p: p[2])
    low, high = min(points, key=lambda p: p[3]), max(points, key=lambda p: p[3])
    for _, _, x, y, left, top in points:
        along = math.log(x / first[2]) / math.log(last[2] / first[2])
        assert left == pytest.approx(first[4] + along * (last[4] - first[4]), abs=1.0)
        up = (y - low[3]) / (high[3] - low[3])
        assert top == pytest.approx(low[5] + up * (high[5] - low[5]), abs=1.0)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_no_violation(browser: Browser, written: Write, width: int, scheme: str) -> None:
    browser.open(
        written(story(), document([result(parity=FAILED_PARITY)], device="rpi5")),
        width=width,
        scheme=scheme,
    )
    browser.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert axe_violations(browser) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_itself_does_not_scroll_sideways(browser: Browser, written: Write, width: int) -> None:
    browser.open(written(story(), document([result("a" * 80)], device="b" * 60)), width=width)
    browser.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert browser.evaluate("return document.documentElement.scrollWidth <= window.innerWidth")
    # What is wider scrolls in a region of its own, which the keyboard reaches.
    assert browser.evaluate(
        """
        const wide = Array.from(document.querySelectorAll("main *")).filter(
          (each) => each.scrollWidth > each.clientWidth && getComputedStyle(each).overflowX === "auto");
        return wide.every((each) => each.tabIndex === 0 && each.getAttribute("role") === "group");
        """
    )


def test_all_text_is_inside_the_phone(browser: Browser, written: Write) -> None:
    """The first screen has no part that one must scroll sideways to read."""
    browser.open(written(story()), width=390)
    assert browser.evaluate(
        """
        return Array.from(document.querySelectorAll(".verdict *, .rivals *")).every((each) => {
          const box = each.getBoundingClientRect();
          return box.width <= 1 || (box.left >= 0 && box.right <= 390);
        });
        """
    )


def test_the_two_backbones_fit_the_phone_with_the_marks_of_their_times(
    browser: Browser, written: Write
) -> None:
    told = journey(subjects=11)
    told["results"] = [each | {"noisy": True, "thermal": {"hot": True}} for each in told["results"]]
    browser.open(written(told), width=390)
    assert "noisy" in browser.evaluate("return document.querySelector('.rivals tbody').textContent")
    assert browser.evaluate(
        """
        const cells = document.querySelectorAll(".rivals tbody td");
        return Array.from(cells).every((each) => each.scrollWidth <= each.clientWidth);
        """
    )


def test_colours_follow_the_readers_scheme(browser: Browser, written: Write) -> None:
    path = written(story())
    seen = {}
    for scheme in SCHEMES:
        browser.open(path, scheme=scheme)
        seen[scheme] = browser.evaluate(
            "const body = getComputedStyle(document.body); return [body.color, body.backgroundColor]"
        )
    assert seen["light"] != seen["dark"]
    assert seen["light"][1] == "rgb(244, 246, 248)"


def test_paper_is_white_whatever_the_scheme(browser: Browser, written: Write) -> None:
    browser.open(written(story()), scheme="dark")
    browser._tell(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    assert browser.evaluate(
        "return getComputedStyle(document.documentElement).getPropertyValue('--surface')"
    ) == ("#ffffff")


def test_the_focus_is_seen(opened: Browser) -> None:
    opened.press("\ue004")
    seen = opened.evaluate(
        "const on = getComputedStyle(document.activeElement); return [on.outlineStyle, on.outlineWidth]"
    )
    assert seen == ["solid", "3px"]
    assert opened.evaluate("return document.activeElement.textContent") == "Skip to the report"


def test_names_from_a_strangers_file_are_text(browser: Browser, written: Write) -> None:
    hostile = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>\"'&"
    told = document([result(hostile, weights=hostile, data=hostile)], device=hostile, notes=[hostile])
    told["failures"] = [{"artifact": hostile, "error": hostile}]
    browser.open(written(told))
    assert browser.evaluate("return window.ran === undefined && document.images.length === 0")
    assert browser.evaluate("return document.scripts.length") == 1
    assert browser.evaluate("return document.querySelector('h2').textContent") == hostile
    assert browser.console() == []
