"""Tables of artifacts for `edgeall export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from edgeall.artifact import Noise, Parity, ShiftAgreement

if TYPE_CHECKING:
    from edgeall.exporting import Exported
    from edgeall.exporting.pooling import PooledParity

UNKNOWN = "-"
_COMPARED = ("images", "AUC change", "log-loss change", "clear verdicts equal", "mean |Δp|")
_CLEAR = "clear: the Keras model's score lies outside its referral band, or is not within .1 of its threshold"


def artifacts(exported: "Sequence[Exported]") -> Table:
    """One row for each artifact."""
    left = any(each.left_in_float for each in exported)
    table = Table(title="Artifacts, compared with their Keras models on validation images")
    _columns(table, ("artifact", "precision"), ("MB", "s", *_COMPARED, "time beside float32"))
    _columns(table, ("parity", "made by", *(("left in float",) if left else ())), ())
    for each in exported:
        table.add_row(
            each.path.name,
            each.precision,
            f"{each.size_bytes / 1e6:.2f}",
            "cached" if each.cached else f"{each.seconds:.1f}",
            *_compared(each.parity),
            UNKNOWN if each.speed is None else f"x{each.speed.ratio:.2f}",
            word(each.parity),
            each.method or UNKNOWN,
            *((", ".join(each.left_in_float) or UNKNOWN,) if left else ()),
        )
    notes = [_CLEAR] if any(each.parity.clear is not None for each in exported) else []
    if any(each.parity.noise is not None for each in exported):
        notes.append(
            "own: changes of the Keras model's own score when a picture is shifted by one pixel, stored as JPEG of "
            "quality 95, or changed by one grey level"
        )
    table.caption = "\n".join(notes) or None
    return table


def pooled(folder: Path, parities: "Sequence[PooledParity]") -> Table:
    """One row for each recipe: parity on the validation images of all folds."""
    table = Table(title=f"{folder}: validation images of all folds together")
    _columns(table, ("recipe",), ("folds", *_COMPARED))
    _columns(table, ("parity",), ())
    for each in parities:
        table.add_row(each.recipe, str(len(each.runs)), *_compared(each.parity), word(each.parity))
    return table


def shifts(exported: "Sequence[Exported]") -> Table:
    """One row for each artifact, one column for each change of the pictures."""
    names = list(dict.fromkeys(shift.name for each in exported for shift in each.parity.shifts))
    table = Table(title="Clear verdicts equal to the Keras model's on changed and other pictures")
    _columns(table, ("artifact",), names)
    for each in exported:
        of = {shift.name: shift for shift in each.parity.shifts}
        table.add_row(each.path.name, *(_kept(of.get(name)) for name in names))
    if any(_compares(shift) for each in exported for shift in each.parity.shifts):
        table.caption = "in brackets: with the format's own calibration"
    return table


def word(parity: Parity) -> str:
    """The outcome in one word: "passed", "unproven" or "FAILED"."""
    return "FAILED" if parity.word == "failed" else parity.word


def _columns(table: Table, texts: Sequence[str], numbers: Sequence[str]) -> None:
    for name in texts:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")


def _compared(parity: Parity) -> tuple[str, ...]:
    """Cells of `_COMPARED`."""
    return (
        str(parity.n),
        _signed(parity.auc_delta),
        _signed(parity.log_loss_delta),
        UNKNOWN
        if parity.clear_agreement is None
        else f"{parity.clear_agreement:.1%}" + ("" if parity.clear is None else f" of {parity.clear}"),
        f"{parity.mean_abs_diff:.2g}{_own(parity.noise)}",
    )


def _signed(change: float | None) -> str:
    return UNKNOWN if change is None else f"{change:+.3f}"


def _own(noise: Noise | None) -> str:
    if noise is None:
        return ""
    values = (noise.grey_level, noise.one_pixel, noise.jpeg_95)
    return f" (own {min(values):.2g}-{max(values):.2g})"


def _kept(shift: ShiftAgreement | None) -> str:
    if shift is None or shift.agreement is None:
        return UNKNOWN
    beside = f" ({shift.own_calibration:.0%})" if _compares(shift) else ""
    return f"{shift.agreement:.0%} of {shift.n}{beside}"


def _compares(shift: ShiftAgreement) -> bool:
    """Whether the format's own calibration has another result than the artifact."""
    return shift.own_calibration is not None and shift.own_calibration != shift.agreement
