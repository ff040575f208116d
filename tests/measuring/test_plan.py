"""A plan says what to measure, survives its journey as JSON, and orders its jobs fairly."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.artifact import Format
from edgeall.errors import UsageError
from edgeall.measuring.plan import (
    ALL_CORES,
    QUICK,
    VARIED_INPUTS,
    BenchSettings,
    Plan,
    PlannedArtifact,
    PlannedImage,
    jobs,
    key,
    order,
    thread_counts,
    varied,
)
from edgeall.runtimes import Accelerator, onnx_providers, openvino, tflite
from edgeall.shifts.corruptions import CHANGES

IMAGES = tuple(PlannedImage(f"im/{n}.png", f"/data/im/{n}.png", f"{n:064x}") for n in range(40))


def plan(artifacts: int = 3, **settings: object) -> Plan:
    return Plan(
        artifacts=tuple(
            PlannedArtifact(f"/runs/a{n}.onnx", f"{n:064x}", "test", "onnx", "float32")
            for n in range(artifacts)
        ),
        image_sets={"test": IMAGES},
        settings=BenchSettings(**settings),
    )


settings = st.builds(
    BenchSettings,
    rounds=st.integers(1, 9),
    threads=st.lists(st.integers(0, 64), min_size=1, max_size=4).map(tuple),
    warmup_runs=st.integers(1, 9),
    warmup_seconds=st.floats(0, 9),
    min_runs=st.integers(1, 10_000),
    min_seconds=st.floats(0, 99),
    max_seconds=st.floats(100, 1e6),
    pass_seconds=st.floats(1e-3, 1e6),
    max_temperature_c=st.none() | st.floats(-50, 150),
    batches=st.lists(st.integers(1, 1024), min_size=1, max_size=4).map(tuple),
    accelerators=st.dictionaries(
        st.sampled_from(["onnx", "openvino"]), st.builds(Accelerator, st.text(), st.integers(0, 9))
    ),
)


pairs = st.lists(st.tuples(st.integers(1, 64), st.integers(1, 64)), max_size=3).map(tuple)


@given(settings, pairs)
def test_a_plan_survives_json(chosen: BenchSettings, also: tuple[tuple[int, int], ...]) -> None:
    base = plan()
    artifacts = (dataclasses.replace(base.artifacts[0], also=also), *base.artifacts[1:])
    whole = dataclasses.replace(base, artifacts=artifacts, settings=chosen)
    assert Plan.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rounds", 0),
        ("rounds", 2.0),
        ("rounds", True),
        ("min_runs", 0),
        ("warmup_runs", -1),
        ("min_seconds", -1.0),
        ("min_seconds", float("nan")),
        ("max_seconds", 0.5),
        ("max_seconds", float("inf")),
        ("pass_seconds", 0),
        ("threads", ()),
        ("threads", (-1,)),
        ("threads", (1.5,)),
        ("max_temperature_c", "hot"),
        ("batches", (0,)),
        ("batches", (1025,)),
        ("batches", (2.0,)),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(UsageError, match=field):
        BenchSettings(**{field: value})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("artifacts"),
        lambda d: d.update(artifacts=[]),
        lambda d: d.update(artifacts=d["artifacts"] * 2),
        lambda d: d.update(image_sets={"test": []}),
        lambda d: d.update(image_sets={"another": d["image_sets"]["test"]}),
        lambda d: d.update(schema=99),
        lambda d: d.update(schema="2"),
        lambda d: d["settings"].update(cores=3),
        lambda d: d["settings"].update(threads=None),
        lambda d: d["settings"].update(rounds="3"),
        lambda d: d["settings"].pop("batches"),
        lambda d: d["settings"].update(accelerators={"onnx": "CUDA"}),
        lambda d: d["image_sets"]["test"][0].pop("sha256"),
        lambda d: d["artifacts"][0].update(also=[[1]]),
        lambda d: d["artifacts"][0].update(also=[[0, 1]]),
        lambda d: d["artifacts"][0].update(format="caffe"),
    ],
)
def test_a_damaged_plan_is_refused(spoil: object) -> None:
    document = plan(1).to_dict()
    spoil(document)  # type: ignore[operator]
    with pytest.raises(UsageError, match="plan"):
        Plan.from_dict(document)


def test_a_plan_of_a_later_edgeall_names_the_way_out() -> None:
    with pytest.raises(UsageError, match="schema 2, this edgeall reads up to 1: update edgeall"):
        Plan.from_dict(plan(1).to_dict() | {"schema": 2})


@pytest.mark.parametrize("document", ["", None, [], 3, {"schema": 1}])
def test_what_is_no_plan_is_refused(document: Any) -> None:
    with pytest.raises(UsageError, match="plan"):
        Plan.from_dict(document)


def test_the_default_and_the_quick_plan_obey_the_rules() -> None:
    for chosen in (BenchSettings(), QUICK):
        assert chosen.obeys_rules
        runs, seconds, _ = chosen.share()
        # 64 runs are the fewest that support the 90th percentile, shown beside every median.
        assert runs * chosen.rounds >= 64
        assert seconds * chosen.rounds >= 1.0
        assert chosen.warmup_runs >= 1
        assert chosen.warmup_seconds >= 0.5
        assert chosen.max_seconds == 150
        assert chosen.threads == (1, ALL_CORES)


@pytest.mark.parametrize(
    "less", [{"min_runs": 49}, {"min_seconds": 0.9}, {"warmup_seconds": 0.4}, {"rounds": 1}]
)
def test_less_than_the_rules_ask_is_allowed_and_known(less: dict[str, float]) -> None:
    assert not BenchSettings(**less).obeys_rules


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 8))
def test_every_artifact_gets_every_job_once(artifacts: int, rounds: int, cores: int) -> None:
    made = list(jobs(plan(artifacts, rounds=rounds), cores))
    threads = thread_counts(BenchSettings(), cores)
    counted = Counter((job.artifact.sha256, job.kind, job.threads, job.round) for job in made)
    assert set(counted.values()) == {1}
    assert len(made) == artifacts * (1 + len(threads) + len(threads) * rounds)


def test_rounds_are_interleaved_and_each_begins_with_another_artifact() -> None:
    latency = [job for job in jobs(plan(3, rounds=3, threads=(1,)), cores=2) if job.kind == "latency"]
    turns = [[job.artifact.path[-6] for job in latency if job.round == number] for number in range(3)]
    assert turns == [["0", "1", "2"], ["1", "2", "0"], ["2", "0", "1"]]
    assert [job.round for job in latency] == sorted(job.round for job in latency)


def test_larger_batches_come_last_each_once_a_round_the_smaller_ones_first() -> None:
    made = list(jobs(plan(2, rounds=2, threads=(1,), batches=(8, 1, 2, 8)), cores=2))
    batches = [job for job in made if job.kind == "batch"]
    assert made[-len(batches) :] == batches
    assert [(job.round, job.batch) for job in batches] == [
        *((0, 2), (0, 2), (0, 8), (0, 8), (1, 2), (1, 2), (1, 8), (1, 8)),
    ]
    assert all(job.batch == 1 for job in made if job.kind != "batch")


def test_what_is_wanted_of_one_artifact_beyond_the_settings_is_of_that_one_alone() -> None:
    base = plan(2, rounds=1, threads=(1,), batches=(4,))
    first = dataclasses.replace(base.artifacts[0], also=((1, 1), (2, 1), (2, 8)))
    whole = dataclasses.replace(base, artifacts=(first, base.artifacts[1]))
    made = [job for job in jobs(whole, cores=4) if job.kind != "accuracy"]
    kinds = {
        artifact.path[-6]: [(job.kind, job.threads, job.batch) for job in made if job.artifact == artifact]
        for artifact in whole.artifacts
    }
    both = [("memory", 1, 1), ("latency", 1, 1), ("batch", 1, 4)]
    assert kinds["1"] == both
    assert sorted(kinds["0"]) == sorted([*both, ("memory", 2, 1), ("latency", 2, 1), ("batch", 2, 8)])


def test_what_cannot_run_is_known_before_time_is_spent_on_it() -> None:
    kinds = [job.kind for job in jobs(plan(2), cores=2)]
    assert kinds == sorted(kinds, key=("accuracy", "memory", "latency").index)


@pytest.mark.parametrize(("cores", "counts"), [(1, (1,)), (2, (1, 2)), (8, (1, 8))])
def test_all_cores_are_those_of_the_device_and_each_count_is_tried_once(
    cores: int, counts: tuple[int, ...]
) -> None:
    assert thread_counts(BenchSettings(threads=(1, ALL_CORES, 1)), cores) == counts


def test_a_key_changes_with_what_a_result_depends_on_and_with_nothing_else() -> None:
    base, machine = plan(2), {"cpu": "a"}

    def keys(changed: Plan, machine: dict[str, str] = machine) -> dict[str, set[str]]:
        made: dict[str, set[str]] = {"accuracy": set(), "memory": set(), "latency": set()}
        for job in jobs(changed, cores=2):
            made[job.kind].add(key(changed, job, machine))
        return made

    known = keys(base)
    assert sum(map(len, known.values())) == len(list(jobs(base, cores=2)))

    moved = dataclasses.replace(
        base,
        artifacts=tuple(dataclasses.replace(a, path="/elsewhere" + a.path) for a in base.artifacts),
        image_sets={"test": tuple(dataclasses.replace(i, path="/elsewhere" + i.path) for i in IMAGES)},
    )
    assert keys(moved) == known

    longer = keys(dataclasses.replace(base, settings=BenchSettings(min_seconds=2.0)))
    assert longer["accuracy"] == known["accuracy"]
    assert longer["memory"] == known["memory"]
    assert not longer["latency"] & known["latency"]

    float16 = keys(
        dataclasses.replace(
            base, artifacts=tuple(dataclasses.replace(a, precision="float16") for a in base.artifacts)
        )
    )
    # ONNX Runtime is told the same of either on the processor.
    assert float16 == known

    other_image = dataclasses.replace(IMAGES[0], sha256="f" * 64)
    for changed in (
        keys(dataclasses.replace(base, image_sets={"test": (other_image, *IMAGES[1:])})),
        keys(base, {"cpu": "b"}),
    ):
        assert not any(changed[kind] & known[kind] for kind in known)


@pytest.mark.parametrize("kind", ["accuracy", "memory", "latency", "batch", "instructions"])
@pytest.mark.parametrize(
    ("format", "module", "name", "otherwise"),
    [
        # Some processors need the guard against saturating products, others do not.
        ("onnx", onnx_providers, "saturates", lambda usual: lambda: not usual()),
        ("openvino", openvino, "properties", lambda usual: lambda *asked: usual(*asked) | {"NUM_STREAMS": 2}),
        ("tflite", tflite, "settings", lambda usual: lambda setup: usual(setup) | {"delegates": []}),
    ],
)
def test_what_an_engine_is_told_otherwise_gives_another_key(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    format: Format,
    module: ModuleType,
    name: str,
    otherwise: Callable[[Any], Any],
) -> None:
    base = plan(1, batches=(1, 2), count_instructions=True, threads=(1,))
    whole = dataclasses.replace(base, artifacts=(dataclasses.replace(base.artifacts[0], format=format),))
    job = next(job for job in jobs(whole, cores=1) if job.kind == kind)
    before = key(whole, job, {})
    assert key(whole, job, {}) == before
    monkeypatch.setattr(module, name, otherwise(getattr(module, name)))
    assert key(whole, job, {}) != before


def test_another_formats_accelerator_changes_no_key() -> None:
    whole = plan(1, accelerators={"openvino": Accelerator("GPU")})
    job = next(jobs(whole, cores=1))
    assert key(whole, job, {}) == key(plan(1), job, {})


def test_time_is_taken_over_images_from_the_whole_set() -> None:
    taken = varied(IMAGES)
    assert len(taken) == VARIED_INPUTS
    assert len(set(taken)) == VARIED_INPUTS
    assert IMAGES.index(taken[-1]) >= len(IMAGES) - 3
    assert varied(IMAGES[:3]) == IMAGES[:3]


def test_accuracy_takes_every_image_and_each_round_its_share_of_the_runs() -> None:
    whole = plan(1, rounds=4, min_runs=50, min_seconds=2.0)
    made = {job.kind: order(whole, job, spawned_ns=7) for job in jobs(whole, cores=2)}
    assert len(made["accuracy"].images) == len(IMAGES)
    assert len(made["latency"].images) == VARIED_INPUTS
    assert (made["latency"].least_runs, made["latency"].least_seconds) == (13, 0.5)


def corrupting(base: Plan, most: int) -> Plan:
    return dataclasses.replace(
        base, artifacts=tuple(dataclasses.replace(a, corruption_images=most) for a in base.artifacts)
    )


def test_corruptions_come_last_each_for_every_artifact_before_the_next() -> None:
    base = plan(2)
    before = [(job.kind, job.threads, job.round, job.batch) for job in jobs(base, cores=2)]
    every = list(jobs(corrupting(base, 10), cores=2))
    first, added = every[: len(before)], every[len(before) :]
    assert [(job.kind, job.threads, job.round, job.batch) for job in first] == before
    assert [job.change for job in added] == [change for change in CHANGES for _ in range(2)]
    assert {(job.kind, job.threads) for job in added} == {("corruption", 2)}


def test_corruptions_take_as_many_images_as_asked_evenly_spaced() -> None:
    asked = corrupting(plan(1), 10)
    job = next(job for job in jobs(asked, cores=1) if job.change == "jpeg 2")
    worker = order(asked, job, 0)
    assert worker.change == "jpeg 2"
    assert [name for name, _ in worker.images] == [f"im/{n}.png" for n in range(0, 40, 4)]
    assert len(order(corrupting(plan(1), 500), job, 0).images) == 10
    more = corrupting(plan(1), 500)
    assert len(order(more, dataclasses.replace(job, artifact=more.artifacts[0]), 0).images) == 40


def test_the_key_of_a_corruption_holds_what_is_done_and_to_which_images() -> None:
    asked = corrupting(plan(1), 10)
    found = {key(asked, job, {}) for job in jobs(asked, cores=1) if job.kind == "corruption"}
    other = corrupting(plan(1), 20)
    assert len(found) == 41
    assert found.isdisjoint(key(other, job, {}) for job in jobs(other, cores=1) if job.kind == "corruption")


def test_other_measurements_do_not_depend_on_corruptions() -> None:
    base, asked = plan(1), corrupting(plan(1), 10)
    before = [key(base, job, {}) for job in jobs(base, cores=1)]
    assert [key(asked, job, {}) for job in jobs(asked, cores=1) if job.kind != "corruption"] == before


@pytest.mark.parametrize("most", [-1, 2.5, True])
def test_a_number_of_corrupted_images_that_is_none_is_refused(most: Any) -> None:
    with pytest.raises(UsageError, match="corruption_images must be a whole number, 0 or more"):
        corrupting(plan(1), most)
