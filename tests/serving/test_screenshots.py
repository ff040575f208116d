"""The pictures of docs/field.md, from the page itself. `make screenshots` writes them to docs/images.

Cells are drawn, and the model has random weights: what it says means nothing.
"""

import base64
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from headless_browser import Browser
from PIL import Image
from served import Served
from served_page import Page
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.datasets.smear import draw_cell
from edgeall.field import Classified, Classifier, Found

WIDTHS = {"desktop": 1280, "phone": 390}
SEEDS = (8, 47, 37, 14, 27, 29, 4, 38)
"""Of cells whose scores lie apart."""
MOST_BYTES = 200_000
COLOURS = 250


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cells") / "slide 7"
    folder.mkdir()
    made = [folder / f"cell {number}.png" for number in range(1, len(SEEDS) + 1)]
    for seed, file in zip(SEEDS, made, strict=True):
        rng = np.random.default_rng(seed)
        Image.fromarray(draw_cell(rng, seed % 2 == 0, (256, 256)).pixels).save(file)
    Image.new("RGB", (256, 256), (226, 220, 214)).save(folder / "cell 9.png")
    return [*made, folder / "cell 9.png"]


@pytest.fixture(scope="module")
def spread(tiny: SmallModel, cells: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An artifact whose threshold and band lie among its scores of the cells."""
    folder = tmp_path_factory.mktemp("spread")
    with Classifier(tiny.sealed("tflite-fp32", folder, "probe")) as classifier:
        classifier.begin()
        answers = [classifier.answer(Found(str(cell), cell.name)) for cell in cells]
    scores = sorted(
        each.verdict.score for each in answers if isinstance(each, Classified) and each.verdict is not None
    )
    edges = [(scores[place] + scores[place + 1]) / 2 for place in (3, 5)]
    decision = replace(tiny.decision, threshold=edges[1], refer=(edges[0], edges[1]))
    return tiny.sealed("tflite-fp32", folder, "drawn-cells", decision=decision)


@pytest.mark.parametrize(("device", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_screenshots(
    browser: Browser,
    start: Callable[..., Served],
    spread: Artifact,
    cells: list[Path],
    tmp_path: Path,
    device: str,
    scheme: str,
) -> None:
    scans = tmp_path / "microscope"
    scans.mkdir()
    station = start(artifact=spread, watch=scans)
    page = Page(browser, station).open(width=WIDTHS[device], scheme=scheme)
    page.find("#folder").send_keys(str(cells[0].parent))
    page.until("return document.querySelectorAll('.entry').length === arguments[0]", len(cells))
    page.until("return document.querySelector('.interval') !== null")
    browser.evaluate(
        """
        const entries = Array.from(document.querySelectorAll(".entry"));
        entries.find((each) => each.querySelector(".decision.positive")).click();
        document.activeElement.blur();
        """
    )
    page.until("return document.querySelector('.frame img')?.naturalWidth > 0")
    shown = browser.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True}
    )
    picture = small(base64.b64decode(shown["data"]))
    assert len(picture) < MOST_BYTES
    if folder := os.environ.get("EDGEALL_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"serve-{device}-{scheme}.png").write_bytes(picture)
    browser.evaluate("sessionStorage.clear(); localStorage.clear();")


def small(png: bytes) -> bytes:
    """A screenshot with fewer colours."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
