"""The verdict says what the results support, and nothing else."""

import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verdicts import FAILED, QUICK, UNPROVEN, Make, backbones, both, verdict


class TestInt8:
    def test_faster_with_its_ratio_and_interval(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, medians=[4.8, 4.9, 4.7, 4.8, 4.85])
        (text,) = found.of("int8")
        assert re.match(
            r"mobilenetv2 TFLite INT8: 2\.\d+x \[2\.\d+–2\.\d+\] as fast as its float32 on 1 thread; "
            r"same verdict on 100\.0% of 22 images, accuracy 0\.0 points \[−11\.5 to \+11\.5\], p = 1\.00: "
            r"no difference shown\.",
            text,
        ), text

    def test_equal_verdicts_of_three_people_have_no_interval_to_be_absurd(
        self, make_document: Make, make_result: Make
    ) -> None:
        people = {"subjects": 3, "wrong": [0, 20]}
        float32 = make_result(**people)
        found = verdict(make_document([float32, make_result(precision="int8", base_wrong=[0, 20], **people)]))
        (text,) = [text for text in (*found.of("int8"), *found.of("warning")) if "INT8: " in text]
        assert text.endswith(
            "same verdict on 100.0% of 22 images, accuracy 0.0 points, p = 1.00: no difference shown."
        )

    def test_the_most_probable_class_is_told_where_there_are_more_than_two(
        self, make_document: Make, make_result: Make
    ) -> None:
        quantized = make_result(precision="int8", base_wrong=[], medians=QUICK)
        quantized["vs_float"]["class_agreement"] = {"value": 0.5, "low": 0.3, "high": 0.7}
        found = verdict(make_document([make_result(), quantized]))
        assert any("same most probable class on 50.0 [30.0–70.0]%" in text for text in found.of("int8"))

    def test_slower_is_a_warning(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, medians=[14.0, 14.2, 13.9, 14.1, 14.3])
        assert found.of("int8") == []
        assert any("SLOWER than its float32, 0.7" in text for text in found.of("warning"))

    def test_rounds_that_differ_more_than_the_two_leave_it_open(
        self, make_document: Make, make_result: Make
    ) -> None:
        found = both(make_document, make_result, medians=[9.0, 11.0, 7.5, 10.5, 9.0])
        (text,) = found.of("int8")
        assert "no difference in speed from its float32 shown, 1.0" in text
        assert "fastest: mobilenetv2" not in text

    @pytest.mark.parametrize(
        ("medians", "said"),
        [
            (
                [9.8, 9.9, 9.7, 9.8, 9.8],
                r"NOT measured 1\.05 times as fast as its float32: 1\.0\d+x \[1\.\d+–1\.\d+\]",
            ),
            (
                [9.0, 12.0, 8.0, 11.0, 10.5],
                r"NOT measured 1\.05 times as fast .*: 1\.0\d*x \[0\.\d+–1\.\d+\]",
            ),
            ([14.0, 14.2, 13.9, 14.1, 14.3], "SLOWER than its float32"),
        ],
    )
    def test_what_is_hardly_faster_is_a_warning_and_never_taken(
        self, medians: list[float], said: str, make_document: Make, make_result: Make
    ) -> None:
        """Although it is the smallest, and the rounds do not tell it apart from the fastest."""
        found = both(make_document, make_result, medians=medians, size_mb=1.0)
        assert any(re.search(said, text) for text in found.of("warning"))
        assert found.of("int8") == []
        assert found.artifact == "runs/mobilenetv2/exports/mobilenetv2_tflite-float32"
        assert "Left out: mobilenetv2 TFLite INT8 (INT8 hardly faster than its float32)." in found.of(
            "recommendation"
        )

    def test_it_is_judged_at_each_thread_count_and_in_the_same_engine(
        self, make_document: Make, make_result: Make
    ) -> None:
        slow = {"precision": "int8", "base_wrong": [], "size_mb": 1.0}
        results = [
            *(make_result(threads=count) for count in (1, 2)),
            make_result(**slow, threads=1),
            make_result(**slow, threads=2, medians=QUICK),
        ]
        found = verdict(make_document(results))
        assert (found.artifact, found.threads) == ("runs/mobilenetv2/exports/mobilenetv2_tflite-int8", 2)
        assert "(INT8 hardly faster than its float32)" in found.of("recommendation")[-1]
        for result in results[2:]:
            result["engine"] = {"name": "another", "version": "1"}
        assert not any("1.05" in statement.text for statement in verdict(make_document(results)).statements)

    def test_an_unproven_one_may_be_taken_and_is_marked(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, parity=UNPROVEN)
        assert found.artifact == "runs/mobilenetv2/exports/mobilenetv2_tflite-int8"
        assert found.of("unknown")[0].endswith("(66 images leave its parity unproven).")
        assert found.of("limit")[0].startswith("Parity unproven on 66 images: mobilenetv2 TFLite INT8. ")
        assert not any("parity" in text for text in found.of("warning"))

    def test_a_result_without_parity_is_not_unproven(self, make_document: Make, make_result: Make) -> None:
        for parity in (None, FAILED | {"passed": True}):
            found = both(make_document, make_result, parity=parity)
            assert not any("parity" in statement.text.lower() for statement in found.statements)

    def test_other_rounds_give_no_interval(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, medians=[5.0, 5.0], session=2)
        (text,) = found.of("int8")
        assert "about 2.0x as fast" in text
        assert any('"about"' in text for text in found.of("limit"))

    def test_a_loss_that_the_images_show_is_a_warning(self, make_document: Make, make_result: Make) -> None:
        found = verdict(
            make_document(
                [
                    make_result(negatives=100, positives=100),
                    make_result(
                        precision="int8", negatives=100, positives=100, wrong=range(20), base_wrong=[]
                    ),
                ]
            )
        )
        assert any(re.search(r"accuracy −10\.0 points .*: a loss", text) for text in found.of("warning"))

    def test_without_the_benchs_comparison_one_is_made_from_the_predictions(
        self, make_document: Make, make_result: Make
    ) -> None:
        with_it = both(make_document, make_result, wrong=[2])
        without = both(make_document, make_result, wrong=[2], vs_float=None)
        assert with_it.of("int8")[0].endswith(without.of("int8")[0].split("; ")[1])

    def test_floats_left_inside_are_a_warning(self, make_document: Make, make_result: Make) -> None:
        found = both(make_document, make_result, float_operators={"MEAN": 2, "SOFTMAX": 1})
        assert (
            "mobilenetv2 TFLite INT8 left operators in floating point here: 2 MEAN and 1 SOFTMAX."
            in found.of("warning")
        )

    def test_float32_that_ran_as_bfloat16_is_a_warning(self, make_document: Make, make_result: Make) -> None:
        found = verdict(make_document([make_result(executed_precision="bfloat16")]))
        assert "mobilenetv2 TFLite float32 ran as bfloat16 here, not as float32." in found.of("warning")


class TestBackbones:
    def test_22_images_cannot_tell_one_image_apart(self, make_document: Make, make_result: Make) -> None:
        found = backbones(make_document, make_result, {"wrong": [3]}, {})
        (text,) = found.of("backbones")
        assert text.startswith(
            "densenet201 against mobilenetv2 (TFLite float32, 1 thread): accuracy 100.0 [85.1–100.0]%"
        )
        assert "+4.5 points" in text
        assert "the 22 test images cannot tell them apart." in text
        assert re.search(
            r"It takes 9\.\d+x \[9\.\d+–9\.\d+\] the time .*, 3\.5x the memory and 8\.1x the size", text
        )
        assert "higher accuracy" not in text

    def test_many_images_can(self, make_document: Make, make_result: Make) -> None:
        many = {"negatives": 200, "positives": 200}
        found = backbones(make_document, make_result, many | {"wrong": range(40)}, many)
        (text,) = found.of("backbones")
        assert "+10.0 points" in text
        assert "densenet201 has higher accuracy." in text

    def test_images_of_few_subjects_cannot(self, make_document: Make, make_result: Make) -> None:
        """Forty images, all of one subject of ten: significant if images were independent."""
        many = {"negatives": 200, "positives": 200, "subjects": 10}
        found = backbones(make_document, make_result, many | {"wrong": range(40)}, many)
        (text,) = found.of("backbones")
        assert "the 400 test images of 10 subjects cannot tell them apart." in text
        assert any("of 10 subjects" in text for text in found.of("limit"))

    def test_different_images_are_not_compared(self, make_document: Make, make_result: Make) -> None:
        found = backbones(
            make_document, make_result, {"negatives": 20, "positives": 20, "wrong": range(15)}, {}
        )
        (text,) = found.of("backbones")
        assert "on images that cannot be paired: no difference is claimed." in text

    def test_several_comparisons_are_adjusted_for(self, make_document: Make, make_result: Make) -> None:
        """p = 0.031 convinces alone, not as one of three."""
        many: dict[str, Any] = {"negatives": 100, "positives": 100}
        base = make_result(**many, wrong=range(6), size_mb=1.0)
        others = [make_result(name, **many, medians=[20.0, 20.1, 20.2]) for name in ("a", "b", "c")]
        alone = verdict(make_document([base, others[0]])).of("backbones")
        assert "a has higher accuracy" in alone[0]
        found = verdict(make_document([base, *others])).of("backbones")
        assert len(found) == 4
        assert not any("higher accuracy" in text for text in found)
        assert "Holm" in found[-1]

    @pytest.mark.parametrize(
        ("weights", "said"),
        [
            ("random weights", " (mobilenetv2 was pretrained, densenet201 was not)"),
            ("ImageNet weights", ""),
            (None, ""),
        ],
    )
    def test_the_heading_says_who_was_pretrained_where_that_differs(
        self, weights: str | None, said: str, make_document: Make, make_result: Make
    ) -> None:
        found = backbones(make_document, make_result, {}, {"weights": weights})
        assert found.heading("backbones") == f"What the costlier backbone is worth{said}"
        assert any(
            "their difference is not the backbones' alone" in s.text for s in found.statements
        ) is bool(said)

    def test_one_backbone_has_nothing_to_be_weighed_against(
        self, make_document: Make, make_result: Make
    ) -> None:
        assert verdict(make_document([make_result()])).of("backbones") == []


def test_the_same_results_in_any_order_give_the_same_words(make_journey: Make) -> None:
    document = make_journey()
    shuffled = document | {"results": random.Random(1).sample(document["results"], 24)}
    assert verdict(shuffled).to_dict() == verdict(document).to_dict()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wrong=st.lists(st.integers(0, 21), unique=True, max_size=12),
    other=st.lists(st.integers(0, 21), unique=True, max_size=12),
    a=st.lists(st.floats(5, 15), min_size=2, max_size=5),
    b=st.lists(st.floats(5, 15), min_size=2, max_size=5),
)
def test_no_claim_where_an_interval_includes_no_difference(
    wrong: list[int], other: list[int], a: list[float], b: list[float], make_document: Make, make_result: Make
) -> None:
    rounds = min(len(a), len(b))
    found = verdict(
        make_document(
            [
                make_result(wrong=wrong, medians=a[:rounds]),
                make_result("densenet201", wrong=other, medians=b[:rounds]),
                make_result(precision="int8", wrong=other, base_wrong=wrong, medians=b[:rounds]),
            ]
        )
    )
    for statement in found.statements:
        for value, low, high in re.findall(r"([\d.]+)x \[([\d.]+)–([\d.]+)\] as fast as its", statement.text):
            assert float(low) >= 1.0, (value, statement.text)
            assert float(high) >= float(value)
        for low, high, claim in re.findall(
            r"points \[([+−\d.]+) to ([+−\d.]+)\], p [=<] [\d.]+: ([^.]+)", statement.text
        ):
            ends = [float(end.replace("−", "-")) for end in (low, high)]
            if ends[0] < 0 < ends[1]:
                assert "cannot tell" in claim or "no difference" in claim, statement.text


def test_an_ensemble_is_set_against_the_others_and_its_sums_are_said(
    make_document: Make, make_result: Make
) -> None:
    whole = make_result("mobilenetv2+inceptionv3", medians=[60.0, 61.0, 60.5], members=["a", "b"])
    said = verdict(make_document([make_result("densenet201", medians=[90.0, 91.0, 92.0]), whole]))
    assert any("densenet201 against mobilenetv2+inceptionv3" in text for text in said.of("backbones"))
    assert any(
        "mobilenetv2+inceptionv3: times, sizes and memory are the sums" in text for text in said.of("limit")
    )
