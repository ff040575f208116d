"""The CycloneDX document: valid by the format's own validator, equal for equal input, with intervals and licences."""

import json
import re
from typing import Any

import pytest
from card_facts import PARITY, SHA256, bench, facts, run

pytest.importorskip("yaml", reason="workstation: cards write YAML too")
pytest.importorskip("cyclonedx", reason="judges the document")

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgeall.cards import Facts, Software, ml_bom
from edgeall.cards.facts import File

NUMPY = Software("numpy", "2.4.6", "BSD-3-Clause", {"SHA-256": "c" * 64}, "pkg:pypi/numpy@2.4.6")


def checked(
    *models: Facts, software: tuple[Software, ...] = (), subject: Software | None = None
) -> dict[str, Any]:
    document = ml_bom(models, software, subject)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert problem is None, problem
    return document


def test_a_measured_model_is_valid_and_its_figures_have_intervals() -> None:
    (model,) = checked(facts(bench("laptop"), bench("rpi5")))["components"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    told = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    for each in told:
        ends = each["confidenceInterval"]
        assert float(ends["lowerBound"]) <= float(each["value"]) <= float(ends["upperBound"])
    (accuracy,) = [each for each in told if each["type"] == "Accuracy" and "on laptop" in each["slice"]]
    assert accuracy["value"] == "0.9091"
    assert accuracy["slice"] == "22 images of 6 subjects, split by subject, on laptop (ai-edge-litert 2.3.0)"
    latency = [each for each in told if each["type"] == "Latency p50 in ms"]
    assert len(latency) == 2
    assert re.match(
        r"1 thread, 80 runs in 5 rounds, on laptop .*, Example CPU @ 2.10GHz", latency[0]["slice"]
    )


def test_a_model_that_was_not_measured_has_the_figures_of_its_keras_model() -> None:
    (model,) = checked(facts())["components"]
    told = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [each["type"] for each in told] == ["Sensitivity", "Specificity"]
    assert told[0]["confidenceInterval"] == {"lowerBound": "0.7", "upperBound": "0.98"}
    assert told[0]["slice"] == "Keras model, not this file; 30 of 50 test images, 5 subjects"
    limits = model["modelCard"]["considerations"]["technicalLimitations"]
    assert "No device was measured: accuracy, latency and memory of this file are not known." in limits


def test_the_parts_of_the_split_are_its_data_sets(tmp_path_factory: pytest.TempPathFactory) -> None:
    (model,) = checked(facts(run=run(tmp_path_factory.mktemp("run"))))["components"]
    names = [each["name"] for each in model["modelCard"]["modelParameters"]["datasets"]]
    assert names == ["C-NMC, train", "C-NMC, val", "C-NMC, test"]
    assert "/somewhere" not in json.dumps(model)


def test_equal_input_gives_equal_bytes_and_other_input_another_serial_number() -> None:
    one, again = (json.dumps(checked(facts(bench()))) for _ in range(2))
    assert one == again
    other = checked(facts(bench(wrong=[3])))
    assert other["serialNumber"] != json.loads(one)["serialNumber"]


def test_the_time_is_that_of_the_latest_measurement_and_of_no_clock() -> None:
    assert "timestamp" not in checked(facts())["metadata"]
    late, early = "2026-11-29T12:26:18+00:00", "2026-11-28T12:26:18+00:00"
    found = checked(facts(bench("a", measured_at=early), bench("b", measured_at=late)))
    assert found["metadata"]["timestamp"] == late


def test_software_stands_beside_the_models_of_a_subject() -> None:
    spoken = Software("engine", "1.0", "as its vendor says", kind="application")
    either = Software("either", "2.0", "MIT OR Apache-2.0")
    found = checked(facts(bench()), software=(NUMPY, spoken, either), subject=Software("a bundle", "0.1.0"))
    components = {each["name"]: each for each in found["components"]}
    assert components["numpy"]["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert components["numpy"]["purl"] == "pkg:pypi/numpy@2.4.6"
    assert components["engine"]["licenses"] == [{"license": {"name": "as its vendor says"}}]
    assert components["either"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert found["metadata"]["component"]["name"] == "a bundle"
    (depends,) = [each for each in found["dependencies"] if "dependsOn" in each]
    assert set(depends["dependsOn"]) == {each["bom-ref"] for each in found["components"]}


def test_each_file_of_an_artifact_has_its_hash() -> None:
    story = facts()
    both = (File("m.xml", "b" * 64, 1), File("m.bin", "d" * 64, 2))
    (model,) = checked(Facts(story.artifact, both))["components"]
    (file,) = model["components"]
    assert file["name"] == "m.bin"
    assert file["hashes"][0]["content"] == "d" * 64
    assert {"name": "edgeall:artifact", "value": SHA256} in model["properties"]


def test_text_from_outside_stays_text() -> None:
    hostile = "a\nb\x1b[31m<script>" + "é" * 10
    (model,) = checked(facts(licence=hostile, backbone=hostile, data=hostile))["components"]
    assert model["licenses"][0]["license"]["name"] == "a b[31m<script>" + "é" * 10


def test_unproven_parity_is_a_trade_off_and_a_limit() -> None:
    import dataclasses

    parity = dataclasses.replace(
        PARITY, passed=None, outcome="unproven", reasons=("the bound of AUC is −0.05",)
    )
    (model,) = checked(facts(parity=parity))["components"]
    card = model["modelCard"]["considerations"]
    assert "Parity is unproven on 66 validation images" in card["performanceTradeoffs"][0]
    assert card["technicalLimitations"][0].endswith("The bound of AUC is −0.05.")
