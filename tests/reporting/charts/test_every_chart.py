"""What holds for each chart of a page."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from bench_documents import Document
from drawn import bench_of, colours, points, root, texts
from small_run import draw, make_run

from edgeall.reporting import charts
from edgeall.reporting.charts import Chart
from edgeall.reporting.charts.palette import COLOURS, INK, MUTED, SERIES, SURFACE, css
from edgeall.results import Bench

OF_BENCH: tuple[Callable[[Bench], Chart | tuple[Chart, ...]], ...] = (
    charts.trade_off,
    charts.latency,
    charts.roc,
    charts.confusion,
    charts.reliability,
    charts.subject_harm,
    charts.referral_coverage,
)
HOSTILE = "<script>alert(1)</script>&\"'$x_2$ #010203 ]]>-- \u202e\u65e5\u672c"
BAND = {
    "low": 0.3,
    "high": 0.7,
    "referred": {"value": 0.2, "low": 0.1, "high": 0.3},
    "sensitivity": None,
    "specificity": None,
    "answered_sensitivity": None,
    "answered_specificity": None,
}


def every(bench: Bench) -> list[Chart]:
    found: list[Chart] = []
    for make in OF_BENCH:
        made = make(bench)
        found += made if isinstance(made, tuple) else (made,)
    return found


@pytest.fixture
def bench(make_journey: Callable[..., Document]) -> Bench:
    return bench_of(make_journey(subjects=8, referral=BAND))


def test_each_chart_is_drawn_with_words_and_values(bench: Bench) -> None:
    drawn = every(bench)
    assert not [chart.name for chart in drawn if chart.gap]
    assert all(chart.title and chart.description and chart.table and chart.table.rows for chart in drawn)
    assert all(points(chart) for chart in drawn)
    assert len({chart.name for chart in drawn}) == len(drawn)


def test_a_chart_scales_and_takes_colours_and_font_from_the_page(bench: Bench) -> None:
    for chart in every(bench):
        top = root(chart)
        assert top.get("viewBox", "").startswith("0 0 560 ")
        assert top.get("width") is top.get("height") is None
        assert colours(chart) == set()
        assert not re.search(r"style=|font-family|<script|https?://(?!www\.w3\.org/2000/svg)", chart.svg)
        assert texts(chart)


def test_a_chart_is_an_image_with_a_name_and_a_description(bench: Bench) -> None:
    for chart in every(bench):
        top = root(chart)
        named = {element.get("id"): element.text for element in top}
        assert top.get("role") == "img"
        assert [named[name] for name in top.get("aria-labelledby", "").split()] == [
            chart.title,
            chart.description,
        ]


def test_identifiers_are_unique_on_a_page_of_two_devices(make_journey: Callable[..., Document]) -> None:
    document = make_journey(subjects=8)
    other = document | {"device": document["device"] | {"name": "rpi5"}}
    svgs = [chart.svg for bench in map(bench_of, (document, other)) for chart in every(bench)]
    identifiers = [found for svg in svgs for found in re.findall(r'\sid="([^"]+)"', svg)]
    assert len(identifiers) == len(set(identifiers))
    referred = {
        found
        for svg in svgs
        for pair in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        for found in pair
    }
    assert referred - {""} <= set(identifiers)


def test_equal_results_give_equal_bytes_whatever_the_users_matplotlib_is_told(
    bench: Bench, make_journey: Callable[..., Document]
) -> None:
    first = [chart.svg for chart in every(bench)]
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        again = every(bench_of(make_journey(subjects=8, referral=BAND)))
        assert mpl.rcParams["font.size"] == 30
    assert [chart.svg for chart in again] == first


def test_names_of_strangers_stay_text(
    make_result: Callable[..., Document], make_document: Callable[..., Document]
) -> None:
    def named(result: Document) -> Document:
        recorded = dict(result["predictions"])
        recorded["subjects"] = [HOSTILE if s == "s0" else s for s in recorded["subjects"]]
        return result | {"predictions": recorded, "run": HOSTILE}

    document = make_document(
        [
            named(make_result(HOSTILE, subjects=8, referral=BAND)),
            named(
                make_result(HOSTILE, precision="int8", base_wrong=[], wrong=[0], subjects=8, referral=BAND)
            ),
        ],
        device=HOSTILE,
    )
    for chart in every(bench_of(document)):
        assert not chart.gap
        tags = {element.tag.rpartition("}")[2] for element in root(chart).iter()}
        assert tags <= {
            "svg",
            "g",
            "path",
            "use",
            "defs",
            "clipPath",
            "rect",
            "text",
            "tspan",
            "title",
            "desc",
        }
        assert "\u202e" not in chart.svg
    worst = charts.subject_harm(bench_of(document))[0]
    shown = HOSTILE.replace("\u202e", "")
    assert points(worst, precision="int8")[0]["subject"] == shown
    assert shown[:10] in texts(worst)


def test_what_is_missing_is_a_gap_with_its_reason(make_journey: Callable[..., Document]) -> None:
    document = make_journey(predictions=None, latency_ms=None, confusion=None)
    for chart in every(bench_of(document)):
        assert chart.svg == chart.description == ""
        assert chart.table is None
        assert chart.gap.endswith(".")


def test_no_results_are_gaps(make_document: Callable[..., Document]) -> None:
    assert all(chart.gap for chart in every(bench_of(make_document([]))))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_reach_the_contrast_of_wcag(scheme: str) -> None:
    ground: str = getattr(SURFACE, scheme)
    assert all(contrast(getattr(colour, scheme), ground) >= 3 for colour in SERIES)
    assert all(contrast(getattr(colour, scheme), ground) >= 4.5 for colour in (INK, MUTED))
    assert all(colour.variable in css() for colour in COLOURS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("vision", ["trichromacy", "protanopia", "deuteranopia", "tritanopia"])
def test_colours_of_series_are_told_apart(scheme: str, vision: str) -> None:
    seen = [cielab(np.asarray(SEEN[vision]) @ linear(getattr(colour, scheme))) for colour in SERIES]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) >= 30


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SEEN = {
    "trichromacy": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]
    ],
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    """Linear sRGB of "#rrggbb"."""
    parts = np.asarray([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB at D65 of linear sRGB."""
    to_xyz = np.asarray([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ rgb.clip(0, 1) / np.asarray([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.asarray([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_page_of_36_artifacts_stays_light(
    make_result: Callable[..., Document], make_document: Callable[..., Document]
) -> None:
    names = ("mobilenetv2", "densenet201", "xception", "resnet50", "nasnetmobile", "vgg16")
    results = [
        make_result(
            name,
            format,
            precision,
            negatives=900,
            positives=900,
            subjects=24,
            wrong=range(place, 1800, 9) if precision == "int8" else range(0, 1800, 11),
            base_wrong=range(0, 1800, 11) if precision == "int8" else None,
            referral=BAND,
        )
        for name in names
        for place, format in enumerate(("tflite", "onnx", "openvino"))
        for precision in ("float32", "int8")
    ]
    drawn = every(bench_of(make_document(results)))
    assert sum(len(chart.svg.encode()) for chart in drawn) < 1_300_000


def test_a_run_that_is_no_run_is_gaps(tmp_path: Path) -> None:
    run = charts.beside(tmp_path / "run" / "bench" / "laptop.json")
    made = (charts.learning_curves(run), charts.split_census(run), charts.layer_sensitivity(run))
    assert all(chart.gap and not chart.svg for chart in made)


def test_a_result_outside_of_a_run_is_gaps(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"healthy": 8, "all": 8})
    make_run(tmp_path / "run", tmp_path / "data")
    chart = charts.split_census(charts.beside(tmp_path / "run" / "copied.json"))
    assert "bench/" in chart.gap
