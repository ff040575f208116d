"""What the page says, and what it leaves to be said elsewhere: nothing is cut, nothing from outside is markup."""

import base64
import hashlib
import html as entities
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from bench_documents import document, journey, result

pytest.importorskip("jinja2", reason="the page needs Jinja2")

from edgeall import results
from edgeall.recommending import recommend
from edgeall.reporting import page
from edgeall.reporting.device_verdict import HEADINGS, judge
from edgeall.reporting.page.contents import marked, split
from edgeall.reporting.results_table import COLUMNS, table
from edgeall.results import Bench

HOSTILE = "<img src=x onerror='ran()'><script>ran()</script>\"'&]]>"


def benches(*documents: dict[str, Any]) -> tuple[Bench, ...]:
    return results.merge([(f"{number}.json", each) for number, each in enumerate(documents)])


def told(*documents: dict[str, Any]) -> str:
    return page.html(benches(*documents))


class Elements(HTMLParser):
    """Tags with their attributes, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_verdict_is_told_in_full() -> None:
    bench = benches(journey(subjects=11))[0]
    found, text = recommend(bench), Elements(page.html([bench])).text
    assert found.chosen is not None
    for sentence in (*found.because, *found.not_known, found.chosen.artifact):
        assert sentence in text
    assert "…" not in text


def test_without_a_choice_it_says_so() -> None:
    bench = benches(document([result(wrong=range(22))]))[0]
    text = Elements(page.html([bench])).text
    assert recommend(bench).chosen is None
    assert recommend(bench).take in text


def test_every_figure_of_the_other_formats_is_on_it() -> None:
    bench = benches(journey(subjects=11))[0]
    text = Elements(page.html([bench])).text
    for column in COLUMNS:
        assert column.heading in text
    for row in table(bench).rows:
        for cell in row.cells.values():
            assert cell in text
    for kind in HEADINGS:
        for statement in judge(bench).of(kind):
            assert statement in text


def test_one_result_makes_one_page() -> None:
    assert told(journey(subjects=11)) == told(journey(subjects=11))


def test_nothing_comes_from_elsewhere() -> None:
    text = told(journey(subjects=11), document([result()], device="rpi5", emulated=True))
    for _, attributes in Elements(text).tags:
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "style", "action", "ping", "background")
            assert not name.startswith("on")
            if name in ("href", "xlink:href"):
                assert (value or "").startswith("#")
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert set(re.findall(r"\w+://[^\s\"<)]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_its_policy_names_its_own_style_and_script_by_content() -> None:
    text = told(document([result()]))
    policy = entities.unescape(
        re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]  # type: ignore[index]
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]  # type: ignore[index]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    # Before the first thing that it governs.
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_ids_are_unique_and_each_reference_leads_somewhere() -> None:
    same = document([result()], device="laptop")
    other = document([result()], device="laptop")
    other["device"]["cpu"] = "Another CPU"
    tags = Elements(told(same, other, journey(subjects=11) | {"notes": ["as told"]})).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids


@pytest.mark.parametrize("place", ["device", "backbone", "artifact", "weights", "notes", "failure", "engine"])
def test_names_from_outside_are_text(place: str) -> None:
    one = result(
        **{name: HOSTILE for name in ("backbone", "artifact", "weights") if name == place},
        **({"engine": {"name": HOSTILE, "version": HOSTILE}} if place == "engine" else {}),
    )
    made = document(
        [one, result("densenet201")],
        device=HOSTILE if place == "device" else "laptop",
        notes=[HOSTILE] if place == "notes" else [],
        failures=[{"artifact": HOSTILE, "error": HOSTILE}] if place == "failure" else [],
    )
    text = told(made)
    found = Elements(text)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in found.tags}
    assert not [a for _, a in found.tags if any(name.startswith("on") for name in a)]
    assert entities.escape("<script>ran()", quote=False) in text


def test_the_least_that_a_result_holds_makes_a_page_with_gaps() -> None:
    estimate = {"value": 0.9, "low": 0.7, "high": 0.97}
    least = {
        "artifact": "a.tflite",
        "backbone": "mobilenetv2",
        "format": "tflite",
        "precision": "float32",
        "engine": {"name": "ai-edge-litert", "version": "2.3.0"},
        "threads": 1,
        "n": 20,
        "accuracy": estimate,
        "latency_kind": "measured",
        "size_bytes": 2_600_000,
    }
    text = Elements(
        told({"schema": 1, "device": {"name": "laptop", "emulated": False}, "results": [least]})
    ).text
    assert text.count("Not there.") > 5
    assert "90.0 [70.0–97.0]" in text


def test_a_device_without_a_result_is_a_page_of_its_failures() -> None:
    made = document([], failures=[{"artifact": "a.tflite", "error": "no such engine"}])
    text = Elements(told(made)).text
    assert "There are no results of this device." in text
    assert "a.tflite: no such engine" in text


def test_runs_beside_the_results_are_shown(tmp_path: Path) -> None:
    bench = benches(document([result()]))
    text = Elements(page.html(bench, [tmp_path / "mobile" / "bench" / "laptop.json"])).text
    assert "Training runs" in text
    assert "mobile" in text
    assert "Training runs" not in Elements(page.html(bench)).text


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("95.5 [78.2–99.2]", ("95.5", "[78.2–99.2]")),
        ("2.06x [1.92–2.21]", ("2.06x", "[1.92–2.21]")),
        ("≈ 12.3 estimated", ("≈ 12.3 estimated", "")),
        ("–", ("–", "")),
    ],
)
def test_a_figure_is_split_from_its_interval(cell: str, parts: tuple[str, str]) -> None:
    assert split(cell) == parts


@pytest.mark.parametrize(
    "cell", ["9.2 / 9.9 noisy", "≈ 9.2 estimated", "mobilenetv2 TFLite INT8 ✗", "loses AUC"]
)
def test_words_that_ask_for_a_second_look_are_coloured(cell: str) -> None:
    assert marked(cell)


@pytest.mark.parametrize("cell", ["9.2 / 9.9", "throttled bits", "mobilenetv2 TFLite INT8", "–"])
def test_other_words_are_not(cell: str) -> None:
    assert not marked(cell)


def test_all_of_the_page_is_in_the_package() -> None:
    folder = Path(page.__file__).parent
    assert {path.name for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")} == {
        *("page.html", "page.css", "sorting.js")
    }
