"""The model card: what the Hub reads of it, and that it says no more than the data."""

import re
from dataclasses import replace

import pytest
from card_facts import PARITY, bench, facts, run
from markdown_it import MarkdownIt

pytest.importorskip("yaml", reason="workstation: writes YAML")
pytest.importorskip("huggingface_hub", reason="judges the card's metadata")

import huggingface_hub as hub

from edgeall.cards import Facts
from edgeall.cards.model_card import model_card


def metrics(text: str) -> dict[str, object]:
    return {each.metric_type: each for each in hub.ModelCard(text).data.eval_results or []}


def tables(text: str) -> list[list[int]]:
    """Numbers of cells of each row of each table, as a Markdown parser sees them."""
    found: list[list[int]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(hub.ModelCard(text).text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append(0)
        elif token.type in ("td_open", "th_open"):
            found[-1][-1] += 1
    return found


def test_the_hub_reads_figures_with_their_images_and_intervals() -> None:
    card = hub.ModelCard(model_card(facts(bench())))
    assert card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "image-classification"
    assert {"tflite", "int8", "mobilenetv2", "research-use-only"} <= set(card.data.tags)
    assert card.data.model_name == "mobile_tflite-int8"
    accuracy = metrics(str(card))["accuracy"]
    assert accuracy.metric_value == pytest.approx(20 / 22, abs=1e-4)
    assert re.fullmatch(
        r"Accuracy on laptop \(95 % interval 0\.\d{3} to [01]\.\d{3}; 22 images of 6 subjects\)",
        accuracy.metric_name,
    )
    assert (accuracy.dataset_type, accuracy.dataset_split) == ("cnmc", "test")
    assert accuracy.task_name == "Leukaemia detection on laptop (ai-edge-litert 2.3.0)"
    assert accuracy.dataset_name == "cnmc, split by subject"


def test_what_the_hub_read_it_writes_back_unchanged() -> None:
    card = hub.ModelCard(model_card(facts(bench())))
    again = hub.ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert again.data.eval_results == card.data.eval_results


def test_each_figure_names_its_device_after_the_hub_has_written_the_card_again() -> None:
    """The hub's tool groups metrics of one data set under the first task's name: the finding on it is in findings/."""
    again = str(hub.ModelCard(model_card(facts(bench("laptop"), bench("rpi5", wrong=[3])))))
    said = {
        (each.metric_name.split(" (")[0], round(each.metric_value, 3))
        for each in hub.ModelCard(again).data.eval_results
    }
    assert {("Accuracy on laptop", 0.909), ("Accuracy on rpi5", 0.955)} <= said


def test_a_figure_without_an_interval_is_on_the_page_with_the_reason_and_not_in_the_metadata() -> None:
    told = model_card(facts(bench(subjects=2)))
    assert "auc" not in metrics(told)
    (row,) = [line for line in told.splitlines() if line.startswith("| Area under the ROC curve")]
    assert "| no interval: fewer than two subjects in a class |" in row


def test_images_that_may_have_trained_the_model_give_no_metadata() -> None:
    told = model_card(facts(bench(split={"grouped_by": "unknown"})))
    assert not metrics(told)
    assert "not known to be held out: may be optimistic" in told


def test_each_device_has_its_own_entry() -> None:
    told = model_card(facts(bench("laptop"), bench("rpi5", wrong=[3])))
    names = {each.task_name for each in hub.ModelCard(told).data.eval_results}
    assert names == {
        "Leukaemia detection on laptop (ai-edge-litert 2.3.0)",
        "Leukaemia detection on rpi5 (ai-edge-litert 2.3.0)",
    }


def test_without_a_device_the_card_has_the_keras_models_figures_and_says_so() -> None:
    told = model_card(facts())
    assert hub.ModelCard(told).data.eval_results is None
    assert "No device was measured: accuracy, latency and memory of this file are not known." in told
    assert "Of the Keras model, not of this file: test sensitivity 0.90 (0.70 to 0.98) on 30 images" in told
    assert "The test images are of 5 subjects only." in told


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (facts(data="synthetic smears"), "The images are synthetic: accuracy here says nothing about patients."),
        (facts(bench(data="synthetic smears")), "The images are synthetic: accuracy here says nothing about patients."),
        (facts(parity=replace(PARITY, passed=None, outcome="unproven")), "Parity is unproven on 66 validation images"),
        (facts(parity=replace(PARITY, passed=False)), "Parity FAILED on 66 validation images"),
        (facts(parity=None), "Parity with the Keras model was not measured."),
        (facts(weights="random weights"), "Training started from random weights"),
        (facts(bench(subjects=None)), "of subjects that are not known"),
        (facts(bench()), "No external images were tested"),
        (facts(bench(kind="emulated")), "not known (an emulator ran it)"),
        (facts(test=None), "No test figures of its Keras model travel with it."),
        (facts(data_fingerprint="unknown:1"), "The training images are not known to edgeall."),
    ],
)  # fmt: skip
def test_what_limits_the_figures_is_said(story: Facts, said: str) -> None:
    assert said in model_card(story)


def test_a_licence_that_is_not_known_is_not_named() -> None:
    told = model_card(facts(licence="that of mine.h5"))
    assert hub.ModelCard(told).data.license is None
    assert "- Initial weights: that of mine.h5." in told
    assert "- These fine-tuned weights, on which both licences above bear: **To fill in**" in told


def test_the_split_counts_images_subjects_and_labels(tmp_path_factory: pytest.TempPathFactory) -> None:
    told = model_card(facts(bench(), run=run(tmp_path_factory.mktemp("run"))))
    assert "| test | 2 | 1 | 1 | 1 |" in told
    assert "No subject is in two parts of the split." in told
    assert "/somewhere" not in told


def test_a_referral_band_and_further_classes_are_told() -> None:
    share = {"value": 0.25, "low": 0.1, "high": 0.5}
    band = {"low": 0.4, "high": 0.7, "referred": share, "sensitivity": share, "specificity": share}
    band |= {"answered_sensitivity": share, "answered_specificity": None}
    classes = {"labels": ["a", "b", "c"], "confusion": [], "accuracy": share, "macro": {"f1": 0.2}}
    told = model_card(facts(bench(referral=band, classes=classes)))
    assert (
        "With the referral band from 0.400 to 0.700, 0.250 (0.100 to 0.500) of 22 images are referred; of the others, "
        "sensitivity is 0.250 (0.100 to 0.500) and specificity not known."
    ) in told
    assert "The most probable of 3 classes is right for 0.250 (0.100 to 0.500) of 22 images." in told


HOSTILE = "x|y\n---\nlicense: mit\n# <script>alert(1)</script> [here](http://x) `no` \x1b[31m *b*"


def test_text_from_outside_is_no_markup_and_no_metadata() -> None:
    story = facts(bench(data=HOSTILE), data=HOSTILE, licence=HOSTILE, weights=HOSTILE, backbone=HOSTILE)
    told = model_card(story)
    card = hub.ModelCard(told)
    assert card.data.license is None
    html = MarkdownIt("commonmark").enable("table").render(card.text)
    assert "<script>" not in html
    assert 'href="http://x"' not in html
    assert "\x1b" not in told
    for rows in tables(told):
        assert len(set(rows)) == 1


def test_every_table_has_as_many_cells_in_each_row() -> None:
    found = tables(model_card(facts(bench("laptop"), bench("rpi5"))))
    assert len(found) == 4
    assert all(len(set(rows)) == 1 for rows in found)


def test_the_usage_runs_from_file_to_verdict() -> None:
    told = model_card(facts())
    assert "edgeall classify --model mobile_tflite-int8.tflite IMAGE" in told
    for number, word in enumerate(
        ("Decode", "Resize", "Put the channels", "", "The output is", "score ="), start=1
    ):
        assert f"\n{number}. {word}" in told
