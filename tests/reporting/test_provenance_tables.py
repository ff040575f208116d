"""Where figures come from."""

from typing import Any

from bench_documents import document, result

from edgeall import results
from edgeall.reporting.provenance_tables import (
    artifact_table,
    bench_notes,
    environment_table,
    settings_table,
)
from edgeall.results import Bench


def bench(*measured: dict[str, Any], **changes: Any) -> Bench:
    return results.merge([("laptop.json", document(measured or [result()], **changes))])[0]


def test_an_artifact_is_named_by_its_content_once_whatever_its_threads() -> None:
    found = artifact_table(bench(result(sha256="ab" * 32), result(sha256="ab" * 32, threads=2)))
    (cells,) = found.rows
    assert cells[:5] == (
        "mobilenetv2 TFLite float32",
        "runs/mobilenetv2/exports/mobilenetv2_tflite-float32",
        "ab" * 32,
        "ai-edge-litert 2.3.0",
        "gap",
    )


def test_the_state_before_and_after_is_told_fact_by_fact() -> None:
    environment = {
        "before": {"load_average": 0.5, "memory_bytes": 8_000_000_000, "libraries": {"numpy": "2.4.6"}},
        "after": {"load_average": 3.25, "flags": ["avx2", "fma"], "turbo": True, "governor": None},
    }
    assert environment_table(bench(environment=environment)).rows == (
        ("load average", "0.5", "3.25"),
        ("memory MB", "8000", "–"),
        ("libraries, numpy", "2.4.6", "–"),
        ("flags", "–", "avx2, fma"),
        ("turbo", "–", "yes"),
        ("governor", "–", "–"),
    )


def test_what_is_not_known_makes_no_table() -> None:
    assert environment_table(bench()).rows == ()
    assert settings_table(bench(result(settings=None))).rows == ()


def test_each_way_of_measuring_is_a_column() -> None:
    ways = [result(settings={"rounds": 3}), result(format="onnx", settings={"rounds": 5})]
    found = settings_table(bench(*ways))
    assert found.columns == ("setting", "way 1", "way 2")
    assert sorted(found.rows[0][1:]) == ["3", "5"]


def test_notes_begin_with_the_version_that_measured() -> None:
    found = bench_notes(bench(edgeall="0.1.0", notes=["as told"]))
    assert found == ("Measured by edgeall 0.1.0.", "as told")
