from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall.datasets.allocation import allocate, target_counts
from edgeall.errors import DatasetError

SHARES = st.lists(st.floats(0.05, 1.0), min_size=2, max_size=5).map(np.array)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=4).map(np.array), SHARES)
def test_wanted_counts_add_up_and_are_off_by_less_than_one(totals: np.ndarray, shares: np.ndarray) -> None:
    wanted = target_counts(totals, shares)
    assert (wanted.sum(axis=0) == totals).all()
    assert (np.abs(wanted - np.outer(shares / shares.sum(), totals)) < 1 + 1e-6).all()


def test_the_sets_of_the_published_comparison() -> None:
    assert target_counts(np.array([59, 49]), np.array([0.8, 0.2])).tolist() == [[47, 39], [12, 10]]
    assert target_counts(np.array([59, 49]), np.array([0.6, 0.2, 0.2])).tolist() == [
        [35, 29],
        [12, 10],
        [12, 10],
    ]
    assert target_counts(np.array([5]), np.array([0.6, 0.4])).tolist() == [[3], [2]]


@given(st.integers(3, 60), st.integers(3, 60), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_single_images_are_dealt_exactly(healthy: int, ill: int, seed: int) -> None:
    counts = np.repeat(np.eye(2, dtype=np.int64), [healthy, ill], axis=0)
    shares = np.array([0.6, 0.2, 0.2])
    parts = allocate(counts, shares, np.random.default_rng(seed))
    held = np.array([counts[parts == part].sum(axis=0) for part in range(3)])
    wanted = target_counts(np.array([healthy, ill]), shares)
    assert (held > 0).all()
    if (wanted > 0).all():
        assert (held == wanted).all()


def cost(counts: np.ndarray, wanted: np.ndarray, parts: tuple[int, ...]) -> float:
    held = np.array([counts[np.array(parts) == part].sum(axis=0) for part in range(len(wanted))])
    return float((((held - wanted) / counts.sum(axis=0)) ** 2).sum()) if (held > 0).all() else np.inf


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_few_subjects_are_allocated_as_well_as_by_trying_everything(data: st.DataObject) -> None:
    sizes = st.lists(st.integers(1, 120), min_size=3, max_size=4)
    healthy, ill = data.draw(sizes), data.draw(sizes)
    counts = np.array([(n, 0) for n in healthy] + [(0, n) for n in ill])
    shares = np.array([0.6, 0.2, 0.2])
    wanted = target_counts(counts.sum(axis=0), shares)
    best = min(cost(counts, wanted, parts) for parts in product(range(3), repeat=len(counts)))
    found = cost(counts, wanted, tuple(allocate(counts, shares, np.random.default_rng(0))))
    assert found == pytest.approx(best)


def test_the_seed_chooses_among_equals() -> None:
    counts = np.repeat(np.eye(2, dtype=np.int64), [20, 20], axis=0)
    shares = np.array([0.5, 0.5])
    first, again, other = (allocate(counts, shares, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_no_part_goes_without_a_class_even_where_sizes_suffer() -> None:
    counts = np.array([[100, 0], [1, 0], [0, 100], [0, 1]])
    parts = allocate(counts, np.array([0.5, 0.5]), np.random.default_rng(0))
    assert parts[0] != parts[1]
    assert parts[2] != parts[3]


def test_an_impossible_deal_is_refused() -> None:
    # Two groups with both classes cannot give three parts some of each.
    with pytest.raises(DatasetError, match="every class in every part"):
        allocate(np.array([[3, 3], [3, 3]]), np.ones(3), np.random.default_rng(0))
