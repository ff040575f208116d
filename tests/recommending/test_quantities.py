"""Limits are read with their units, and refused in one line."""

import pytest

from edgeall.errors import UsageError
from edgeall.recommending.quantities import SHARES, SIZES, TIMES, parse


@pytest.mark.parametrize(
    ("text", "units", "value"),
    [
        ("50ms", TIMES, 50.0),
        ("0.05s", TIMES, 50.0),
        (".5 s", TIMES, 500.0),
        ("800us", TIMES, 0.8),
        ("10MB", SIZES, 10e6),
        ("100MiB", SIZES, 100 * 2.0**20),
        ("0.95", SHARES, 0.95),
        ("95%", SHARES, 0.95),
        ("1", SHARES, 1.0),
    ],
)
def test_units(text: str, units: dict[str, float], value: float) -> None:
    assert parse(text, units, "--max") == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "units", "said"),
    [
        ("50", TIMES, "--max '50': a unit is missing; write it as 50ms or 0.05s"),
        ("50MB", TIMES, "--max '50MB': unit 'MB' is not known; write it as 50ms or 0.05s"),
        ("ten", SIZES, "--max 'ten': not a quantity; write it as 10MB or 10MiB"),
        ("-1MB", SIZES, "--max '-1MB': not a quantity; write it as 10MB or 10MiB"),
        ("nan", SHARES, "--max 'nan': not a quantity; write it as 0.95 or 95%"),
        ("0ms", TIMES, "--max '0ms': must be more than 0, as 50ms or 0.05s"),
        ("95", SHARES, "--max '95': more than 1; write a share as 0.95 or 95%"),
    ],
)
def test_what_is_refused(text: str, units: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text, units, "--max")
    assert str(error.value) == said
