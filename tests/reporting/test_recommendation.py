"""An artifact is recommended only where the results support it."""

from verdicts import FAILED, Make, backbones, both, verdict


class TestRecommendation:
    def test_the_fastest_that_is_not_shown_to_be_less_accurate(self, make_journey: Make) -> None:
        found = verdict(make_journey())
        take, why, best = found.of("recommendation")
        assert (found.artifact, found.threads) == ("runs/mobilenetv2/exports/mobilenetv2_tflite-int8", 2)
        assert take.startswith(
            "mobilenetv2 TFLite INT8 on 2 threads: runs/mobilenetv2/exports/mobilenetv2_tflite-int8 (2.90 ms, 2.56 MB, "
        )
        assert why == "The fastest of 12 that are not shown to be worse than the best."
        assert best == "The best observed: accuracy 100.0% of densenet201 TFLite INT8."
        assert found.of("unknown")[0] == (
            "Whether it is up to 18.2 points less accurate than densenet201 TFLite INT8."
        )

    def test_one_that_is_shown_to_be_less_accurate_is_passed_over(
        self, make_document: Make, make_result: Make
    ) -> None:
        many = {"negatives": 200, "positives": 200}
        found = backbones(make_document, make_result, many | {"wrong": range(60)}, many)
        assert found.artifact is not None
        assert "densenet201" in found.artifact

    def test_of_equally_fast_ones_the_smallest(self, make_document: Make, make_result: Make) -> None:
        found = verdict(
            make_document(
                [
                    make_result(format="onnx", medians=[10.0, 9.0, 11.0, 10.2], size_mb=9.0),
                    make_result(format="tflite", medians=[10.1, 10.4, 9.5, 10.4], size_mb=8.0),
                ]
            )
        )
        assert found.artifact is not None
        assert "tflite" in found.artifact
        _, why, best = found.of("recommendation")
        assert why.startswith("The smallest of 2 not told apart in speed, of 2 that are")
        assert best == "None that may be taken is more accurate or has a higher AUC on these 22 images."

    def test_never_one_that_failed_its_parity_check(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, medians=[2.0, 2.1, 2.0], parity=FAILED)
        assert found.artifact is not None
        assert "float32" in found.artifact
        assert any("failed its parity check" in text for text in found.of("warning"))
        assert (
            found.of("recommendation")[-1] == "Left out: mobilenetv2 TFLite INT8 (failed the parity check)."
        )

    def test_what_failed_is_praised_nowhere_and_marked_wherever_it_is_named(
        self, make_document: Make, make_result: Make
    ) -> None:
        found = both(
            make_document, make_result, medians=[2.0, 2.1, 2.0], size_mb=1.0, memory_mb=10.0, parity=FAILED
        )
        assert not any("INT8" in text for text in found.of("extremes"))
        assert "left out here: 1" in found.of("extremes")[-1]
        assert found.of("int8")[0].startswith("mobilenetv2 TFLite INT8 (failed parity): ")
        nothing = verdict(make_document([make_result(parity=FAILED)]))
        assert (nothing.artifact, nothing.of("extremes")) == (None, [])

    def test_none_that_may_be_no_better_than_chance(self, make_document: Make, make_result: Make) -> None:
        poor = make_result(wrong=[0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16])
        found = verdict(make_document([poor]))
        assert found.artifact is None
        assert "better than chance" in found.of("recommendation")[1]
        beside = verdict(make_document([poor, make_result("densenet201", medians=[90.0, 91.0])]))
        assert beside.artifact is not None
        _, first, *_, last = beside.of("recommendation")
        assert first == "The only artifact that may be taken there."
        assert last == "Left out: mobilenetv2 TFLite float32 (not shown to be better than chance)."

    def test_one_whose_auc_is_shown_to_be_lower_is_passed_over(
        self, make_document: Make, make_result: Make
    ) -> None:
        """Equal verdicts, so equal accuracy; the ranking within the verdicts is another."""
        slow = make_result("densenet201", negatives=100, positives=100, wrong=range(20), medians=[90.0, 91.0])
        quick = make_result(negatives=100, positives=100, wrong=range(20), medians=[9.0, 9.1])
        # Healthy images that are called positive rank above all others, and findings that are missed below all.
        quick["predictions"]["scores"][:20] = [0.99] * 20
        slow["predictions"]["scores"][:20] = [0.6] * 20
        quick["auc"], slow["auc"] = (
            {"value": 0.8, "low": 0.75, "high": 0.85},
            {"value": 1.0, "low": 0.96, "high": 1.0},
        )
        found = verdict(make_document([quick, slow]))
        assert found.artifact is not None
        assert "densenet201" in found.artifact
        assert found.of("recommendation")[1] == (
            "All others that may be taken are shown to be worse in accuracy or AUC: mobilenetv2 TFLite float32."
        )
        (text,) = found.of("backbones")
        assert text.count("p < 0.001") == 1
        assert "densenet201 has higher AUC." in text

    def test_none_where_no_latency_was_measured(self, make_document: Make, make_result: Make) -> None:
        for found in (
            verdict(make_document([make_result(kind="emulated")], emulated=True)),
            verdict(make_document([make_result(kind="estimated")])),
        ):
            assert found.artifact is None
            assert found.of("recommendation")[0] == "Nothing. No latency was measured there."

    def test_none_without_results(self, make_document: Make) -> None:
        assert verdict(make_document([])).artifact is None
