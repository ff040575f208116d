"""Test figures and the decision for a whole person travel in the artifact; INT8 has a decision of its own verdicts."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from keras_run import make_keras_run

from edgeall import artifact, evaluating, pixels, runs, runtimes
from edgeall.artifact import Artifact
from edgeall.exporting import export_run, load_recipe
from edgeall.exporting.recipes import Tolerance
from edgeall.exporting.run_figures import figures_of_test
from edgeall.predictions import Predictions
from edgeall.runs import Run
from edgeall.statistics import learn_person_cut

CELLS = 20
"""Of a person; eight people of each class validate."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run by subject with the metrics that training would record."""
    run = make_keras_run(tmp_path_factory.mktemp("people") / "cells", images=8 * CELLS * 4)
    parts = {
        part: tuple(
            dataclasses.replace(member, subject=f"{part} {member.label} {index // 2 // CELLS}")
            for index, member in enumerate(run.split.part(part))
        )
        for part in runs.PARTS
    }
    run = dataclasses.replace(run, split=runs.Split(**parts, grouped_by="subject"))
    said = {part: predicted(run, part) for part in ("val", "test")}
    metrics = {
        part: {"of": "the Keras model"} | evaluating.evaluate(each, run.decision).metrics
        for part, each in said.items()
    }
    val = said["val"]
    metrics["val"]["person_cut"] = learn_person_cut(
        val.subjects, val.truth, val.probabilities, run.decision, "subject"
    ).to_dict()
    runs.save(dataclasses.replace(run, metrics=metrics))
    return runs.load(run.path)


def predicted(run: Run, part: str) -> Predictions:
    from edgeall.training import load_model
    from edgeall.training.model import predict

    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images(part)])
    members = run.split.part(part)
    return Predictions(
        tuple(member.name for member in members),
        tuple(member.subject for member in members),
        np.array(run.class_indices(part)),
        predict(load_model(run), images, run.pixels),
        np.full(len(members), run.decision.threshold),
    )


@pytest.fixture(scope="module")
def made(people: Run, records: Path) -> dict[str, Artifact]:
    import recorded_workers

    anything = Tolerance(images=400, auc_fall=1.0, auc_fall_bound=1.0, agreement=0.0)
    recipes = [dataclasses.replace(load_recipe(f"onnx-{kind}"), parity=anything) for kind in ("fp32", "int8")]
    with recorded_workers.recorded(records):
        exported = export_run(people, recipes)
    return {each.precision: artifact.read(each.path) for each in exported}


def test_every_artifact_has_the_test_figures_of_its_keras_model(
    people: Run, made: dict[str, Artifact]
) -> None:
    for each in made.values():
        test = each.metadata.test
        assert test is not None
        assert test == figures_of_test(people)
        assert (test.subjects, test.images) == (16, 16 * CELLS)
        assert test.threshold == people.decision.threshold
        assert "of the Keras model that this was made from" in test.in_words


def test_float32_decides_for_people_as_training_learned_to(people: Run, made: dict[str, Artifact]) -> None:
    cut = made["float32"].metadata.person_cut
    assert cut is not None
    assert dataclasses.asdict(cut) == people.metrics["val"]["person_cut"]["cut"]
    assert (cut.negative, cut.positive, cut.least_cells) == (8, 8, CELLS)


def test_int8_decides_by_its_own_verdicts_at_its_own_threshold(
    people: Run, made: dict[str, Artifact]
) -> None:
    """The shares of each validation person, counted again here."""
    sealed = made["int8"]
    images = np.stack([pixels.read_image(path, people.pixels.size) for path in people.images("val")])
    with runtimes.open_session(sealed) as session:
        called = session.predict(images)[:, 1] >= sealed.metadata.decision.threshold
    shares: dict[bool, list[float]] = {False: [], True: []}
    names = np.array([member.subject for member in people.split.val])
    for name in np.unique(names):
        shares["healthy" not in name].append(float(called[names == name].mean()))
    cut = sealed.metadata.person_cut
    assert cut is not None, sealed.metadata.no_person_cut
    assert (cut.low, cut.high) == (max(shares[False]), min(shares[True]))
    assert (cut.negative, cut.positive, cut.least_cells) == (8, 8, CELLS)
