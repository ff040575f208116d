"""The station's page in a real Chromium whose network ends at this machine."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn_smears import White, draw
from headless_browser import Browser, axe_violations
from PIL import Image
from served import Served, served
from served_page import ENTRIES, SECONDS, VERDICT, Page
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.logbook import Logbook, find_path, remove

Start = Callable[..., Served]


@pytest.fixture
def page(browser: Browser, start: Start) -> Page:
    return Page(browser, start()).open()


@pytest.fixture
def files(pictures: list[bytes], tmp_path: Path) -> list[Path]:
    folder = tmp_path / "slide 1"
    folder.mkdir()
    made = [folder / f"cell {number}.png" for number in range(6)]
    for file, picture in zip(made, pictures, strict=False):
        file.write_bytes(picture)
    return made


@pytest.fixture(autouse=True)
def _english_in_a_new_session(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "page" in request.fixturenames:
        browser = request.getfixturevalue("browser")
        browser.evaluate("localStorage.clear(); sessionStorage.clear();")


def test_a_picture_gets_its_decision_probability_threshold_and_band(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    (entry,) = page.station.ask("/api/history").json["entries"]
    answer = entry["picture"]
    words = {"positive": "Positive", "negative": "Negative", "refer": "Refer"}
    assert page.verdict == words[answer["decision"]]
    assert page.find(".file").text == "cell 0.png"
    label = page.find(".scale").get_attribute("aria-label")
    assert label == (
        f"Probability {answer['score']:.2f} on a scale from 0 to 1, threshold 0.65, "
        "a person decides from 0.50 to 0.65"
    )
    places = page.browser.evaluate(
        """
        const track = document.querySelector(".track").getBoundingClientRect();
        return Array.from(document.querySelectorAll(".mark, .tick, .between"), (each) => {
          const box = each.getBoundingClientRect();
          const edges = each.className === "between" ? [box.left, box.right] : [(box.left + box.right) / 2];
          return edges.map((edge) => (edge - track.left) / track.width);
        });
        """
    )
    found = sorted(place for each in places for place in each)
    assert found == pytest.approx(sorted([0.5, 0.65, 0.65, answer["score"]]), abs=0.01)
    assert page.find("#said").text == "" or "cell 0.png" in page.find("#said").get_attribute("textContent")
    assert page.browser.evaluate("return document.querySelector('.frame img').naturalWidth") == 96


def test_nothing_is_asked_of_any_other_machine_and_no_error_is_told(page: Page, files: list[Path]) -> None:
    page.send(*files)
    own = page.station.address.url
    asked = page.browser.asked_for()
    assert asked
    assert [each for each in asked if not each.startswith((own, f"blob:{own}"))] == []
    assert page.browser.console() == []


def test_its_policy_lets_nothing_else_run_or_load(page: Page) -> None:
    page.browser.evaluate(
        """
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/picture.png";
        document.body.append(image);
        const script = document.createElement("script");
        const tries = {
          address: () => { script.src = "data:text/javascript,window.ran=1"; },
          code: () => { script.textContent = "window.ran=1"; },
          markup: () => { document.body.innerHTML = "<p>markup</p>"; },
        };
        window.refused = Object.keys(tries).filter((name) => {
          try { tries[name](); return false; } catch { return true; }
        });
        document.body.append(script);
        """
    )
    assert page.browser.evaluate("return window.ran === undefined")
    assert page.browser.evaluate("return window.refused") == ["address", "code", "markup"]
    assert any("img-src" in line for line in page.browser.console())


def test_why_a_file_gets_no_decision(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_bytes(b"no picture")
    page.send(tmp_path / "notes.png")
    page.until(f"{VERDICT} === 'Unreadable'")
    assert "not an image that edgeall reads" in page.find(".reasons").text
    Image.new("RGB", (96, 96), (220, 220, 220)).save(tmp_path / "empty.png")
    page.send(tmp_path / "empty.png")
    page.until(f"{VERDICT} === 'Refused'")
    assert page.find(".reasons").text.split("\n") == ["Why", "nearly uniform: nothing to see"]
    assert page.browser.evaluate("return document.querySelector('.mark')") is None


def test_a_picture_that_is_too_large_is_told_before_it_is_sent(
    browser: Browser, start: Start, tmp_path: Path
) -> None:
    from edgeall.serving import Limits

    page = Page(browser, start(limits=Limits(upload_bytes=1 << 20))).open()
    (tmp_path / "large.png").write_bytes(b"\0" * ((1 << 20) + 1))
    page.find("#files").send_keys(str(tmp_path / "large.png"))
    page.until("return !document.getElementById('problems').hidden")
    assert page.find("#problems").text == "large.png: larger than the 1 MiB that the station takes"
    assert not [each for each in browser.asked_for() if "/api/pictures" in each]


def test_a_folder_is_a_slide(page: Page, files: list[Path]) -> None:
    (files[0].parent / "notes.txt").write_text("no picture")
    page.find("#folder").send_keys(str(files[0].parent))
    page.until(f"{ENTRIES}.length === 6")
    assert set(page.entries) == {f"slide 1/{file.name}" for file in files}
    page.until("return document.querySelector('.groups .name')?.textContent === 'slide 1'")
    (group,) = page.station.ask("/api/summary").json["groups"]
    share = group["positive_share"]
    page.until("return document.querySelector('.share') !== null")
    expected = f"{share['value']:.0%} positive ({share['low']:.0%} to {share['high']:.0%})"
    page.until("return document.querySelector('.share').textContent === arguments[0]", expected)
    assert page.find("#problems").text == "1 file that is no picture was left out"


def test_pictures_are_dropped(page: Page) -> None:
    page.browser.evaluate(
        """
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 96;
        canvas.getContext("2d").fillRect(20, 20, 40, 40);
        canvas.toBlob((blob) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], "dropped.png", { type: "image/png" }));
          document.getElementById("drop").dispatchEvent(
            new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        });
        """
    )
    page.until(f"{ENTRIES}.includes('dropped.png')")


def test_the_camera_takes_a_picture(page: Page) -> None:
    page.find("#open-camera").click()
    page.until("return !document.getElementById('take').disabled")
    page.find("#take").click()
    page.until(f"{ENTRIES}.length === 1")
    assert page.entries[0].startswith("camera ")
    assert page.browser.evaluate("return !document.getElementById('camera').open")
    assert page.browser.evaluate("return document.getElementById('video').srcObject") is None


def test_what_the_answer_rests_on_is_shown_when_it_is_asked_for(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    page.find(".heat button").click()
    page.until("return document.querySelector('.heat img')?.naturalWidth === 480")
    found = page.station.ask("/api/explanations?name=a.png", files[0].read_bytes()).json
    shown = page.browser.evaluate("return document.querySelector('.heat').textContent")
    assert ("Not an explanation" in shown) == (not found["holds"])
    assert all(line in shown for line in found["against"])
    assert f"change by {found['marked']:.2f}, without a random tenth by {found['random']:.2f}" in shown
    assert axe_violations(page.browser) == []


def test_formats_that_browsers_do_not_show_are_converted(page: Page, tmp_path: Path) -> None:
    Image.fromarray(draw([White(200, 200)])).save(tmp_path / "scan.tif")
    page.send(tmp_path / "scan.tif")
    page.until("return document.querySelector('.frame img')?.naturalWidth === 640")


def test_pictures_of_the_watched_folder_appear_by_themselves(
    browser: Browser, start: Start, files: list[Path], tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    page = Page(browser, start(watch=scans)).open()
    assert "Following the folder scans" in page.find("#watched").text
    (scans / "first.png").write_bytes(files[0].read_bytes())
    page.until(f"{ENTRIES}.length === 1")
    page.until("return document.querySelector('.file')?.textContent === 'first.png'")
    page.until("return document.querySelector('.frame img')?.naturalWidth === 96")
    page.find("#follow").click()
    (scans / "second.png").write_bytes(files[1].read_bytes())
    page.until(f"{ENTRIES}.length === 2")
    assert page.find(".file").text == "first.png"


def test_fields_have_boxes_round_their_cells(browser: Browser, start: Start, tmp_path: Path) -> None:
    Image.fromarray(draw([White(200, 200), White(420, 300)])).save(tmp_path / "field.png")
    page = Page(browser, start(cells=True)).open()
    page.send(tmp_path / "field.png")
    page.until(f"{VERDICT} === '2 white cells'")
    (entry,) = page.station.ask("/api/history").json["entries"]
    drawn = page.browser.evaluate(
        """
        const image = document.querySelector(".frame img").getBoundingClientRect();
        const scale = 640 / image.width;
        return Array.from(document.querySelectorAll(".box .edge"), (each) => {
          const box = each.getBoundingClientRect();
          return [box.left - image.left, box.top - image.top, box.right - image.left, box.bottom - image.top]
            .map((edge) => edge * scale);
        });
        """
    )
    for box, cell in zip(drawn, entry["field"]["cells"], strict=True):
        assert box == pytest.approx(cell["box"], abs=4)
    assert len(page.browser.evaluate("return Array.from(document.querySelectorAll('.cells li'))")) == 2


def test_history_is_searched_and_downloaded(page: Page, files: list[Path], tmp_path: Path) -> None:
    page.send(*files)
    page.find("#text").send_keys("cell 3")
    page.until(
        f"const found = (() => {{ {ENTRIES} }})(); return found.length === 1 && found[0] === 'cell 3.png'"
    )
    page.browser._tell("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "got"))
    page.find("#csv").click()
    got = tmp_path / "got" / "edgeall.csv"
    page.until("return true")
    _wait_for(got)
    rows = list(csv.DictReader(got.open(newline="", encoding="utf-8")))
    assert [row["path"] for row in rows] == ["cell 3.png"]
    page.find("#text").clear()
    page.find("#text").send_keys("no such picture")
    page.until("return document.getElementById('counts').textContent === 'No pictures'")


def _wait_for(path: Path) -> None:
    import time

    end = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_decisions_are_filtered(page: Page, files: list[Path]) -> None:
    page.send(*files)
    found = page.station.ask("/api/history?decision=positive").json["entries"]
    page.choose("#decision", "positive")
    page.until("return document.querySelectorAll('.entry').length === arguments[0]", len(found))
    assert set(page.entries) == {each["path"] for each in found}


def test_a_new_session_begins_empty_and_the_log_keeps_all(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    page.find("#new-session").click()
    page.until("return document.querySelectorAll('.entry').length === 0")
    assert page.find("#shown").text == "No picture yet. Choose one, or drop it on this page."
    page.choose("#span", "all")
    page.until("return document.querySelectorAll('.entry').length === 1")


def test_a_session_outlives_a_reload(page: Page, files: list[Path]) -> None:
    page.send(*files[:2])
    page.open()
    page.until("return document.querySelectorAll('.entry').length === 2")
    page.find(".entry").click()
    page.until("return document.querySelector('.frame').textContent === 'The picture is not here any more'")


def test_a_picture_that_was_removed_is_said_not_to_be_recorded(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    with Logbook.open(page.station.log) as log:
        remove(log, find_path(log, files[0].name), "path", "asked for")
    page.find("#files").send_keys(str(files[0]))
    page.until("return document.querySelector('.facts')?.textContent.includes('Not recorded')")


def test_hindi_is_marked_as_not_reviewed(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    page.choose("#language", "hi")
    page.until("return document.documentElement.lang === 'hi'")
    assert page.find("h2").text == "चित्र"
    assert "not reviewed by a speaker yet" in page.find("#unreviewed").text
    assert page.verdict in {"पॉज़िटिव", "नेगेटिव", "विशेषज्ञ को दिखाएँ"}
    page.open()
    assert page.browser.evaluate("return document.documentElement.lang") == "hi"
    page.choose("#language", "en")
    page.until("return document.documentElement.lang === 'en'")
    assert not page.find("#unreviewed").is_displayed()


def test_every_language_has_every_text() -> None:
    import edgeall.serving

    folder = Path(edgeall.serving.__file__).parent / "page"
    texts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (folder / "texts").iterdir()}
    assert set(texts) == {"en", "hi"}
    assert texts["hi"].keys() == texts["en"].keys()
    fields = {
        code: {
            name: sorted(part.split("}")[0] for part in text.split("{")[1:]) for name, text in each.items()
        }
        for code, each in texts.items()
    }
    assert fields["hi"] == fields["en"]
    used = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.*"))
    without = {"name", "unreviewed", *(name for name in texts["en"] if name.endswith("One"))}
    decisions = {
        f"{each}{end}"
        for each in ("positive", "negative", "refer", "refuse", "error")
        for end in ("", "Means")
    }
    states = {"good", "unknown", "quality", "domain"}
    unused = [n for n in texts["en"].keys() - without - decisions - states if f'"{n}"' not in used]
    assert unused == []


def test_the_keyboard_reaches_everything(page: Page, files: list[Path]) -> None:
    page.send(*files[:2])
    page.browser.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(13):
        page.browser.press("\ue004")
        reached.append(
            page.browser.evaluate(
                "const on = document.activeElement; return on.id || on.className || on.tagName"
            )
        )
    wanted = ["skip", "language", "choose", "choose-folder", "open-camera", "csv", "new-session", "text"]
    assert [each for each in reached if each in wanted] == wanted
    assert reached.count("entry") == 2
    # Enter shows an entry, and the result has the focus then.
    page.browser.evaluate("document.querySelectorAll('.entry')[1].focus()")
    name = page.browser.evaluate("return document.activeElement.querySelector('.path').textContent")
    page.browser.press("\ue007")
    page.until("return document.activeElement.id === 'result'")
    assert page.find(".file").text == name


def test_a_screen_reader_hears_each_result(page: Page, files: list[Path]) -> None:
    page.send(files[0])
    said = page.browser.evaluate("return document.getElementById('said')")
    assert (said.aria_role, said.get_attribute("aria-live")) == ("status", "polite")
    assert said.get_attribute("textContent").startswith(f"cell 0.png: {page.verdict}")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    browser: Browser, start: Start, files: list[Path], tmp_path: Path, width: int, scheme: str
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    page = Page(browser, start(watch=scans)).open(width=width, scheme=scheme)
    assert axe_violations(browser) == []
    page.send(*files)
    page.until("return document.querySelector('.groups .name') !== null")
    assert axe_violations(browser) == []
    page.find("#open-camera").click()
    page.until("return !document.getElementById('take').disabled")
    assert axe_violations(browser) == []
    page.find("#close-camera").click()


def test_axe_finds_no_violation_in_fields_and_hindi(browser: Browser, start: Start, tmp_path: Path) -> None:
    Image.fromarray(draw([White(200, 200), White(420, 300)])).save(tmp_path / "field.png")
    page = Page(browser, start(cells=True)).open()
    page.send(tmp_path / "field.png")
    page.choose("#language", "hi")
    page.until("return document.documentElement.lang === 'hi'")
    assert axe_violations(browser) == []
    browser.evaluate("localStorage.clear()")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, start: Start, pictures: list[bytes], width: int, tmp_path: Path
) -> None:
    long = tmp_path / f"{'a' * 120}.png"
    long.write_bytes(pictures[0])
    page = Page(browser, start()).open(width=width)
    page.send(long)
    page.until("return document.querySelector('.groups .name') !== null")
    assert page.browser.evaluate("return document.documentElement.scrollWidth <= window.innerWidth")


def test_targets_are_large_enough_for_fingers(browser: Browser, start: Start) -> None:
    page = Page(browser, start()).open(width=390)
    small = page.browser.evaluate(
        """
        return Array.from(document.querySelectorAll("button, select, input[type=search], a.button"))
          .filter((each) => each.getClientRects().length && each.getBoundingClientRect().height < 44)
          .map((each) => each.id);
        """
    )
    assert small == []


def test_it_says_what_it_is_not_for(page: Page) -> None:
    assert page.find(".top .use").is_displayed()
    assert page.find(".top .use").text == "Research use only, not a medical device"


def test_a_station_that_does_not_answer_is_said_to(browser: Browser, artifact: Any, tmp_path: Path) -> None:
    from served import served

    with served(artifact, tmp_path / "log.db") as station:
        page = Page(browser, station).open()
        assert not page.find("#offline").is_displayed()
    page.until("return !document.getElementById('offline').hidden")


def test_answers_of_an_earlier_model_are_told_apart(
    browser: Browser, start: Start, tiny: SmallModel, files: list[Path], tmp_path: Path
) -> None:
    """The log has answers of all models; labels, band and map of this one are not theirs."""
    before = tiny.sealed("tflite-int8", tmp_path, "before")
    with served(before, tmp_path / "log.db") as first:
        first.decide("old.png", files[0].read_bytes())
    page = Page(browser, start()).open()
    page.choose("#span", "all")
    page.until(f"{ENTRIES}.length === 1")
    page.find(".entry").click()
    text = page.find("#shown").text
    assert f"Another model gave this answer: {before.path.name}." in text
    assert "Calibrated probability" not in text
    assert "The probability of" not in text
    assert page.browser.evaluate("return document.querySelectorAll('.between, .heat').length") == 0
    page.send(files[1])
    assert "Another model" not in page.find("#shown").text
    assert page.browser.evaluate("return document.querySelectorAll('.between, .heat').length") == 2


def test_a_station_that_comes_back_with_another_model_is_described_anew(
    browser: Browser, artifact: Artifact, tiny: SmallModel, files: list[Path], tmp_path: Path
) -> None:
    other = tiny.sealed("tflite-int8", tmp_path, "later")
    with served(artifact, tmp_path / "log.db") as station:
        page = Page(browser, station).open()
        assert page.find("#model").text == artifact.path.name
    page.until("return !document.getElementById('offline').hidden")
    with served(other, tmp_path / "log.db", port=station.port):
        page.until("return document.getElementById('model').textContent === arguments[0]", other.path.name)
        page.send(files[0])
        assert "Another model" not in page.find("#shown").text


def test_names_from_a_strangers_folder_are_text(page: Page, pictures: list[bytes]) -> None:
    hostile = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>\"'&/a\u202e.png"
    page.station.decide(hostile, pictures[0])
    page.until(f"{ENTRIES}.length === 1")
    page.find(".entry").click()
    assert page.find(".file").get_attribute("textContent") == hostile
    assert page.browser.evaluate("return window.ran === undefined && document.images.length <= 1")
    assert page.browser.console() == []


def test_the_token_is_asked_for_and_leads_to_the_page(browser: Browser, start: Start) -> None:
    station = start(host="0.0.0.0")
    own = f"http://127.0.0.1:{station.port}/"
    browser.driver.delete_all_cookies()
    browser.open(own)
    assert browser.driver.current_url == f"{own}enter"
    assert axe_violations(browser) == []
    page = Page(browser, station)
    page.find("#token").send_keys("wrong")
    page.find("button").click()
    page.until("return document.querySelector('[role=alert]') !== null")
    assert station.token is not None
    page.find("#token").send_keys(station.token)
    page.find("button").click()
    page.until("return document.body?.dataset.ready === 'true'")
    assert browser.evaluate("return document.cookie") == ""
    browser.driver.delete_all_cookies()
