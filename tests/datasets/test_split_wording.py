"""How a split was made, in words."""

import pytest

from edgeall.datasets import least_strict, split_caveat, split_kind


@pytest.mark.parametrize(
    ("grouped_by", "kind", "caveat"),
    [
        ("subject", "by subject", "No subject is in two parts"),
        ("image", "by image: optimistic", "optimistic for new patients"),
        ("unknown", "not known", "training images are not known"),
    ],
)
def test_each_kind_has_its_words(grouped_by: str, kind: str, caveat: str) -> None:
    assert split_kind(grouped_by) == kind
    assert caveat in split_caveat(grouped_by)


def test_the_least_strict_of_several_counts() -> None:
    assert least_strict(["subject", "image"]) == "image"
    assert least_strict(["subject", "unknown", "image"]) == "unknown"
    assert least_strict([]) == "unknown"
