"""What the results cannot say stands beside them."""

from typing import Any

import pytest
from verdicts import Make, verdict


class TestLimits:
    def test_how_little_a_perfect_score_on_22_images_means(
        self, make_document: Make, make_result: Make
    ) -> None:
        assert "Accuracy rests on 22 test images: even all right would mean 85.1–100%." in verdict(
            make_document([make_result()])
        ).of("limit")
        assert (
            "Accuracy rests on 22 test images of 3 subjects: even all right would mean 29.2–100%."
            in verdict(make_document([make_result(subjects=3)])).of("limit")
        )

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"weights": "random weights"}, "started from random weights"),
            ({"noisy": True}, "1 of 1 measurements are noisy"),
            ({"thermal": {"throttled": True}}, "slowed down"),
            ({"thermal": {"hot": True}}, "started hotter"),
            ({"settings": {"obeys_rules": False}}, "fewer runs"),
        ],
    )
    def test_what_tempers_the_figures_is_said(
        self, changes: dict[str, Any], said: str, make_document: Make, make_result: Make
    ) -> None:
        assert any(said in text for text in verdict(make_document([make_result(**changes)])).of("limit"))
        if changes:
            assert not any(said in text for text in verdict(make_document([make_result()])).of("limit"))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"split": {"grouped_by": "image"}}, "the split is by image"),
            ({"split": None}, "not known to be held out"),
            ({"data": "synthetic"}, "the images are synthetic"),
            ({"subjects": 8}, "How people unlike these 8 subjects are answered."),
            ({}, "not a medical device"),
        ],
    )
    def test_what_is_not_known_is_said_once(
        self, changes: dict[str, Any], said: str, make_document: Make, make_result: Make
    ) -> None:
        found = verdict(make_document([make_result(**changes)]))
        assert any(said in text for text in found.of("unknown"))
        assert not any(said in text for text in found.of("limit"))
        if changes:
            assert not any(said in text for text in verdict(make_document([make_result()])).of("unknown"))

    def test_what_could_not_be_measured_is_named(self, make_document: Make, make_result: Make) -> None:
        failures = [{"artifact": "a.onnx", "error": "killed"}]
        assert "Not measured: a.onnx: killed." in verdict(
            make_document([make_result()], failures=failures)
        ).of("warning")

    def test_one_failure_is_one_line_whatever_was_not_tried_for_it(
        self, make_document: Make, make_result: Make
    ) -> None:
        error = "a.onnx (accuracy, 2 threads): killed"
        failures = [
            {"artifact": "runs/a/exports/a.onnx", "error": each}
            for each in (error, f"not tried: {error}", f"not tried: {error}")
        ]
        found = verdict(make_document([make_result()], failures=failures)).of("warning")
        assert [text for text in found if "killed" in text] == [
            "Not measured: runs/a/exports/a.onnx: (accuracy, 2 threads): killed."
        ]

    def test_failures_are_told_where_there_are_no_results_too(self, make_document: Make) -> None:
        failures = [{"artifact": "a.onnx", "error": "a.onnx: killed"}]
        found = verdict(make_document([], failures=failures)).of("warning")
        assert found == ["Not measured: a.onnx: killed."]

    def test_an_emulator_claims_no_speed(self, make_document: Make, make_result: Make) -> None:
        found = verdict(
            make_document(
                [make_result(), make_result(precision="int8", base_wrong=[], medians=[4.0, 4.1])],
                emulated=True,
            )
        )
        every = " ".join(statement.text for statement in found.statements)
        assert " ms" not in every
        assert "as fast" not in every
        assert "Fastest" not in every
