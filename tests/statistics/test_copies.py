"""Equal images are paired one to one."""

from edgeall.statistics import number_copies


def test_copies_are_numbered_in_order() -> None:
    assert number_copies(["a", "b", "a", "a"]) == [("a", 0), ("b", 0), ("a", 1), ("a", 2)]
    assert len(set(number_copies("aab")) & set(number_copies("aaab"))) == 3
