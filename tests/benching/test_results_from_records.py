"""From raw measurements to figures: what they show, what they leave out, and what they do not claim."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import DECISION, FINGERPRINT, PIXELS

from edgeall.artifact import (
    Artifact,
    Decision,
    Metadata,
    Noise,
    Parity,
    Precision,
    Provenance,
    ShiftAgreement,
)
from edgeall.benching.held_out_images import TestSet
from edgeall.benching.results_from_records import Subject, gather, results_of
from edgeall.measuring.plan import BenchSettings, PlannedImage
from edgeall.measuring.records import Record
from edgeall.results import to_json
from edgeall.statistics import RUNS_NEEDED

N = 20
TESTS = TestSet(
    images=tuple(PlannedImage(f"im{i}.png", f"/im{i}.png", f"{i:064x}") for i in range(N)),
    truth=tuple(i % 2 for i in range(N)),
    subjects=(None,) * N,
    grouped_by="image",
    data="image-folder",
)
QUIET = {"before_c": 50.0, "after_c": 55.0, "throttled": False, "hot": False}


def subject(precision: Precision = "float32", run: str = "tiny") -> Subject:
    provenance = Provenance(run, "mobilenetv2", "gap", "random weights", "image-folder", FINGERPRINT, "none")
    parity = Parity(8, 1.0, 0.0, 0.0, True)
    metadata = Metadata("tflite", precision, PIXELS, DECISION, provenance, parity=parity)
    name = f"{run}_{precision}"
    return Subject(f"{name}.tflite", Artifact(Path(f"{name}.tflite"), metadata, name, 1000), None, TESTS)


def accuracy(of: Subject, wrong: int = 0, unreadable: int | None = None) -> Record:
    """All right but the first `wrong`."""
    probabilities: list[list[float] | None] = [
        [1 - p, p] for p in (abs(truth - 0.2 - 0.6 * (i < wrong)) for i, truth in enumerate(TESTS.truth))
    ]
    if unreadable is not None:
        probabilities[unreadable] = None
    names = {} if unreadable is None else {TESTS.images[unreadable].name: "truncated"}
    return record(of, "accuracy", 2, 0, {
        "names": [image.name for image in TESTS.images],
        "probabilities": probabilities,
        "unreadable": names,
        "engine": {"name": "an-engine", "version": "1"},
        "executed_precision": {
            "dominant": "int8", "operators": {"int8": 9}, "float_operators": {"SOFTMAX": 1}, "conversions": 2,
        },
    })  # fmt: skip


def latency(of: Subject, ms: list[float], round: int = 0, threads: int = 1, session: int = 1) -> Record:
    nanoseconds = [int(np.rint(value * 1e6)) for value in ms]
    return record(of, "latency", threads, round, {
        "load_ns": 5_000_000, "first_inference_ns": 3_000_000, "cold_start_ns": 200_000_000 + round * 1_000_000,
        "model_ns": nanoseconds, "end_to_end_ns": [2 * value for value in nanoseconds],
        "inputs": 16, "engine": {"name": "an-engine", "version": "1"},
    }, session=session)  # fmt: skip


def memory(of: Subject, threads: int = 1) -> Record:
    return record(of, "memory", threads, 0, {"peak_rss_bytes": 7_000_000})


def record(
    of: Subject, kind: str, threads: int, round: int, result: dict[str, Any] | None, session: int = 1
) -> Record:
    key = f"{of.shown} {kind} {threads} {round}"
    return Record(key, session, of.artifact.sha256, kind, threads, round, result, None, QUIET)


def results(subjects: list[Subject], records: list[Record], emulated: bool = False) -> list[dict[str, Any]]:
    found = to_json(results_of(gather(subjects, records), BenchSettings(), emulated))
    json.dumps(found, allow_nan=False)
    return list(found)


def one(records: list[Record], **changes: Any) -> dict[str, Any]:
    return results([subject()], records, **changes)[0]


def rounds(*medians: float, of: Subject | None = None, runs: int = 22, session: int = 1) -> list[Record]:
    return [
        latency(of or subject(), [median] * runs, round=number, session=session)
        for number, median in enumerate(medians)
    ]


def test_a_row_tells_whose_it_is_and_what_it_rests_on() -> None:
    row = one([accuracy(subject()), memory(subject()), *rounds(4.0, 4.0, 4.0)])
    assert row["artifact"] == "tiny_float32.tflite"
    assert (row["run"], row["backbone"], row["weights"]) == ("tiny", "mobilenetv2", "random weights")
    assert (row["format"], row["precision"], row["executed_precision"]) == ("tflite", "float32", "int8")
    assert row["float_operators"] == {"SOFTMAX": 1}
    assert row["engine"] == {"name": "an-engine", "version": "1"}
    assert row["grouped_by"] == "split by image: optimistic"
    assert row["parity"]["passed"] is True
    assert row["peak_rss_bytes"] == 7_000_000
    assert row["size_bytes"] == 1000
    assert row["latency_kind"] == "measured"
    assert row["settings"]["obeys_rules"] is True
    assert row["input_size"] == PIXELS.size


def test_what_the_gate_found_is_told_whole() -> None:
    of = subject("int8")
    parity = Parity(
        66, 0.97, 0.2, 0.03, None,
        outcome="unproven", reasons=("too few",), needed=310, noise=Noise(0.07, 0.04, 0.09),
        shifts=(ShiftAgreement("blur", 40, 0.95),),
    )  # fmt: skip
    metadata = dataclasses.replace(of.artifact.metadata, parity=parity)
    of = dataclasses.replace(of, artifact=dataclasses.replace(of.artifact, metadata=metadata))
    (row,) = results([of], [accuracy(of), *rounds(4.0, of=of)])
    told = row["parity"]
    assert (told["n"], told["agreement"], told["passed"], told["outcome"]) == (66, 0.97, None, "unproven")
    assert told["noise"] == {"grey_level": 0.07, "one_pixel": 0.04, "jpeg_95": 0.09}
    assert told["shifts"][0]["name"] == "blur"


def test_each_artifact_is_called_at_its_own_threshold() -> None:
    """Scores are .8 and .2: at .9 the INT8 artifact finds nothing."""
    base, of = subject(), subject("int8")
    own = dataclasses.replace(of.artifact.metadata, decision=dataclasses.replace(DECISION, threshold=0.9))
    of = dataclasses.replace(of, artifact=dataclasses.replace(of.artifact, metadata=own))
    float32, int8 = results(
        [base, of], [accuracy(base), accuracy(of), *rounds(4.0, of=base), *rounds(2.0, of=of)]
    )
    assert (float32["threshold"], int8["threshold"]) == (0.5, 0.9)
    assert (sum(float32["predictions"]["positive"]), sum(int8["predictions"]["positive"])) == (10, 0)
    assert int8["accuracy"]["value"] == int8["vs_float"]["agreement"] == 0.5


def test_accuracy_comes_with_its_interval_and_its_confusions() -> None:
    row = one([accuracy(subject(), wrong=3), *rounds(4.0)])
    assert row["n"] == N
    assert row["accuracy"]["value"] == pytest.approx(17 / 20)
    # Wilson's interval of 17 in 20, from its published formula.
    assert row["accuracy"]["low"] == pytest.approx(0.6396, abs=1e-4)
    assert row["accuracy"]["high"] == pytest.approx(0.9476, abs=1e-4)
    assert row["confusion"] == {"tn": 8, "fp": 2, "fn": 1, "tp": 9}
    assert row["sensitivity"]["value"] == pytest.approx(0.9)
    assert row["specificity"]["value"] == pytest.approx(0.8)
    for name in ("f1", "auc", "balanced_accuracy", "ppv", "mcc", "brier"):
        assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]


def test_an_image_that_could_not_be_read_counts_neither_way_and_is_named() -> None:
    row = one([accuracy(subject(), wrong=1, unreadable=0), *rounds(4.0)])
    assert row["n"] == N - 1
    assert row["accuracy"]["value"] == 1.0
    assert row["unreadable"] == {"im0.png": "truncated"}
    assert "im0.png" not in row["predictions"]["names"]


def test_verdicts_are_kept_image_by_image() -> None:
    predictions = one([accuracy(subject(), wrong=2), *rounds(4.0)])["predictions"]
    assert predictions["truth"] == [bool(truth) for truth in TESTS.truth]
    assert [a == b for a, b in zip(predictions["truth"], predictions["positive"], strict=True)] == [
        *[False] * 2,
        *[True] * 18,
    ]
    assert predictions["images"] == [image.sha256 for image in TESTS.images]


@pytest.mark.parametrize(
    "n", sorted({1, *RUNS_NEEDED.values(), *(needed - 1 for needed in RUNS_NEEDED.values())})
)
def test_a_percentile_is_given_only_with_enough_runs_to_know_it(n: int) -> None:
    ms = np.random.default_rng(n).lognormal(1, 0.3, n).tolist()
    timing = one([accuracy(subject()), latency(subject(), ms)])["latency_ms"]
    assert timing["n"] == len(timing["raw"]) == n
    for name, needed in RUNS_NEEDED.items():
        assert (timing.get(name) is not None) == (n >= needed)
    known = [timing[name] for name in RUNS_NEEDED if timing.get(name) is not None]
    assert known == sorted(known)
    assert all(timing["min"] <= value <= timing["max"] for value in [timing["mean"], *known])


def test_nothing_is_clipped_and_nanoseconds_survive() -> None:
    ms = [*[1.000001] * 70, 500.0]
    timing = one([accuracy(subject()), latency(subject(), ms)])["latency_ms"]
    assert timing["raw"] == ms
    assert timing["max"] == 500.0
    assert timing["p50"] == 1.000001


def test_timings_of_all_rounds_are_one_sample_and_each_rounds_median_is_told() -> None:
    row = one([accuracy(subject()), *rounds(4.0, 4.2, 4.1)])
    assert row["latency_ms"]["n"] == 66
    assert [entry["median"] for entry in row["latency_ms"]["rounds"]] == [4.0, 4.2, 4.1]
    assert row["latency_ms"]["spread"] == pytest.approx(0.2 / 4.1)
    assert row["end_to_end_ms"]["p50"] == pytest.approx(8.2)
    assert row["throughput_per_s"] == pytest.approx(1000 / 4.1)
    assert row["cold_start_ms"] == pytest.approx(201.0)
    assert row["load_ms"] == 5.0


@pytest.mark.parametrize(
    ("medians", "noisy"), [((4.0, 4.2, 4.1), False), ((4.0, 4.6, 4.1), True), ((4.0,), False)]
)
def test_rounds_far_apart_mark_the_figure_noisy(medians: tuple[float, ...], noisy: bool) -> None:
    assert one([accuracy(subject()), *rounds(*medians)])["noisy"] is noisy


def test_int8_is_set_beside_the_float32_of_its_run_format_and_threads() -> None:
    base, quantized, stranger = subject(), subject("int8"), subject("int8", run="another")
    found = results(
        [base, quantized, stranger],
        [
            *[accuracy(base), accuracy(quantized, wrong=2), accuracy(stranger)],
            *rounds(4.0, 4.4, 4.2),
            *rounds(2.0, 2.3, 2.1, of=quantized),
            *rounds(2.0, of=stranger),
        ],
    )
    beside = {row["artifact"]: row["vs_float"] for row in found}
    assert beside["tiny_float32.tflite"] is None
    assert beside["another_int8.tflite"] is None
    versus = beside["tiny_int8.tflite"]
    assert versus["agreement"] == pytest.approx(0.9)
    assert versus["accuracy_delta"] == pytest.approx(-0.1)
    assert versus["class_agreement"] is None
    assert versus["p_value"] == pytest.approx(0.5)  # two images, both lost: 2 * 0.5^2
    ratio = versus["latency_ratio"]
    assert ratio["value"] == pytest.approx((0.5 * 2.3 / 4.4 * 0.5) ** (1 / 3))
    assert ratio["low"] < ratio["value"] < ratio["high"]


def of_model(of: Subject, folder: str, model: str = "", tests: TestSet = TESTS) -> Subject:
    """The artifact of another run of the same name: in this folder, made of the model with this SHA-256."""
    metadata = of.artifact.metadata
    metadata = dataclasses.replace(
        metadata, provenance=dataclasses.replace(metadata.provenance, model_sha256=model)
    )
    sha256 = f"{folder} {model} {of.artifact.sha256}"
    opened = Artifact(Path(folder) / of.artifact.path, metadata, sha256, 1000)
    return Subject(sha256, opened, Path(folder), tests)


@pytest.mark.parametrize(
    ("folders", "models"),
    [(("run", "run"), ("1" * 64, "2" * 64)), (("one", "other"), ("", ""))],
    ids=["by the model", "by the folder, of artifacts that do not say the model"],
)
def test_int8_is_set_beside_the_float32_of_its_own_model_where_another_has_the_runs_name(
    folders: tuple[str, str], models: tuple[str, str]
) -> None:
    """As the folds of two cross-validations of one data set, or runs of one name in two folders."""
    base, other_base = (of_model(subject(), *which) for which in zip(folders, models, strict=True))
    int8, other_int8 = (of_model(subject("int8"), *which) for which in zip(folders, models, strict=True))
    found = results(
        [base, int8, other_base, other_int8],
        [
            *[accuracy(base), accuracy(int8), accuracy(other_base, wrong=5), accuracy(other_int8, wrong=5)],
            *[*rounds(4.0, of=base), *rounds(2.0, of=int8)],
            *[*rounds(9.0, of=other_base), *rounds(3.0, of=other_int8)],
        ],
    )
    beside = [row["vs_float"] for row in found if row["precision"] == "int8"]
    assert [each["agreement"] for each in beside] == [1.0, 1.0]
    assert [each["latency_ratio"]["value"] for each in beside] == pytest.approx([1 / 2, 1 / 3])


def test_int8_scored_on_other_images_is_set_beside_no_float32() -> None:
    """As a copy elsewhere, scored on other images than the run's held-out ones."""
    turned = dataclasses.replace(TESTS, images=TESTS.images[::-1], truth=TESTS.truth[::-1])
    base = of_model(subject(), "run", "1" * 64)
    int8 = of_model(subject("int8"), "elsewhere", "1" * 64, tests=turned)
    records = [accuracy(base), accuracy(int8), *rounds(4.0, of=base), *rounds(2.0, of=int8)]
    found = results([base, int8], records)
    assert [row["vs_float"] for row in found] == [None, None]


def test_of_more_classes_the_most_probable_one_is_set_beside_too() -> None:
    """Two classes with a finding are exchanged in five of twenty images: every verdict stays."""
    decision = Decision(("benign", "early", "pre"), ("early", "pre"))

    def of_three(of: Subject) -> Subject:
        metadata = dataclasses.replace(of.artifact.metadata, decision=decision)
        return dataclasses.replace(of, artifact=dataclasses.replace(of.artifact, metadata=metadata))

    def answered(of: Subject, exchanged: int) -> Record:
        told = accuracy(of)
        table = [[0.1, 0.3, 0.6] if i < exchanged else [0.1, 0.6, 0.3] for i in range(N)]
        return dataclasses.replace(told, result={**(told.result or {}), "probabilities": table})

    base, quantized = of_three(subject()), of_three(subject("int8"))
    found = results(
        [base, quantized],
        [answered(base, 0), answered(quantized, 5), *rounds(4.0), *rounds(2.0, of=quantized)],
    )
    versus = {row["artifact"]: row["vs_float"] for row in found}["tiny_int8.tflite"]
    assert (versus["agreement"], versus["accuracy_delta"]) == (1.0, 0.0)
    assert versus["class_agreement"]["value"] == 0.75
    assert {row["artifact"]: row["classes"]["accuracy"]["value"] for row in found} == {
        "tiny_float32.tflite": 0.5,
        "tiny_int8.tflite": 0.4,
    }


def test_only_rounds_of_one_session_make_a_ratio() -> None:
    base, quantized = subject(), subject("int8")
    apart = [
        *[accuracy(base), accuracy(quantized)],
        *rounds(4.0, 4.0, session=1),
        *rounds(2.0, 2.0, of=quantized, session=2),
    ]
    assert results([base, quantized], apart)[1]["vs_float"]["latency_ratio"] is None


def test_an_emulators_times_are_no_latency_under_any_name() -> None:
    row = one([accuracy(subject()), memory(subject()), *rounds(4000.0, 4100.0)], emulated=True)
    assert row["latency_kind"] == "emulated"
    assert row["peak_rss_bytes"] is row["energy_mj"] is None
    assert row["emulation_rss_bytes"] == 7_000_000
    for name in ("latency_ms", "end_to_end_ms", "cold_start_ms", "throughput_per_s"):
        assert row[name] is None
    assert row["emulation_wall_ms"] == pytest.approx(4050.0)
    assert row["accuracy"]["value"] == 1.0


def test_energy_is_in_millijoules_an_image() -> None:
    used = record(
        subject(), "memory", 1, 0, {"peak_rss_bytes": 7_000_000, "energy": {"joules_per_inference": 0.25}}
    )
    row = one([accuracy(subject()), used, *rounds(4.0)])
    assert row["energy_mj"] == 250
    assert row["energy"]["joules_per_inference"] == 0.25


def test_throttling_in_any_round_marks_the_row() -> None:
    cool, hot = rounds(4.0, 4.0)
    hot = dataclasses.replace(hot, thermal=QUIET | {"after_c": 93.0, "throttled": True, "hot": True})
    thermal = one([accuracy(subject()), cool, hot])["thermal"]
    assert thermal == {"before_c": 50.0, "after_c": 93.0, "max_c": 93.0, "throttled": True, "hot": True}


def test_what_the_machine_does_not_tell_of_heat_stays_unknown() -> None:
    (only,) = rounds(4.0)
    only = dataclasses.replace(only, thermal=dict.fromkeys(QUIET))
    assert set(one([accuracy(subject()), only])["thermal"].values()) == {None}


def test_an_artifact_without_accuracy_or_without_latency_has_no_row() -> None:
    base, other = subject(), subject("int8")
    assert results([base, other], [accuracy(base), *rounds(2.0, of=other)]) == []


def test_memory_that_could_not_be_measured_is_unknown() -> None:
    assert one([accuracy(subject()), *rounds(4.0)])["peak_rss_bytes"] is None


def test_each_thread_count_has_a_row_with_the_same_accuracy() -> None:
    found = results(
        [subject()],
        [
            accuracy(subject(), wrong=1),
            latency(subject(), [4.0] * 20),
            latency(subject(), [2.0] * 20, threads=2),
        ],
    )
    assert [row["threads"] for row in found] == [1, 2]
    assert found[0]["accuracy"] == found[1]["accuracy"]
    assert [row["latency_ms"]["p50"] for row in found] == [4.0, 2.0]
    assert np.isclose(found[0]["throughput_per_s"], 250)
