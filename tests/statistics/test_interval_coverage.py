"""The intervals over subjects hold the truth about as often as they say; all settings: `make coverage-of-intervals`."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "interval_coverage.py"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("interval_coverage", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", [2, 3, 5, 7])
def test_intervals_of_few_subjects_hold_the_truth(coverage: ModuleType, place: int) -> None:
    design = coverage.DESIGNS[place]
    found = coverage.simulate(design, 0.3, 0.95, 300)
    assert set(found) == set(coverage.FIGURES)
    for name, tally in found.items():
        assert tally.none <= 3, name
        # 300 replicates at 95% stray by 1.3%.
        assert tally.coverage > 0.905, (design.name, name)


def test_of_three_subjects_what_rests_on_the_class_of_one_has_no_interval(coverage: ModuleType) -> None:
    found = coverage.simulate(coverage.DESIGNS[0], 0.3, 0.85, 60)
    with_one = {name for name, tally in found.items() if tally.none < 60}
    assert with_one == {"accuracy", "sensitivity", "brier", "delta accuracy"}
    assert all(found[name].coverage > 0.9 for name in with_one)
