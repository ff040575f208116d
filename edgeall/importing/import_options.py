"""Options of an import, checked against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.importing.preprocessing import Preprocessing, parse, parse_filter, parse_fit
from edgeall.pixels import Filter, Fit


@dataclass(frozen=True)
class ImportOptions:
    """See `import_model` for their meaning; None stands for the default there."""

    labels: tuple[str, ...]
    positive: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    input_size: int | None
    fit: Fit | None
    resize_filter: Filter | None
    weights_file: Path | None
    activation: str | None
    threshold: float | None
    data: Path | None
    split: Path | None
    seed: int

    @classmethod
    def checked(
        cls,
        labels: Sequence[str],
        positive: Sequence[str] | None,
        preprocessing: str | None,
        channel_order: str | None,
        input_size: int | None,
        fit: str | None,
        resize_filter: str | None,
        weights_file: AnyPath | None,
        activation: str | None,
        threshold: float | None,
        data: AnyPath | None,
        split: AnyPath | None,
        seed: int,
    ) -> "ImportOptions":
        """Raises UsageError where a value is unknown or contradicts another."""
        labels = tuple(labels)
        _check_labels(labels, positive)
        if threshold is not None and not 0.0 <= threshold <= 1.0:
            raise UsageError(f"--threshold {threshold}: a score lies within 0 and 1")
        if seed < 0:
            raise UsageError(f"--seed {seed}: give 0 or more")
        if split is not None and data is None:
            raise UsageError("--split needs the images: give their folder with --data DIR")
        if activation not in (None, "sigmoid", "softmax"):
            raise UsageError(f"--activation {activation}: sigmoid or softmax")
        return cls(
            labels,
            None if positive is None else tuple(positive),
            None if preprocessing is None else parse(preprocessing, channel_order),
            input_size,
            None if fit is None else parse_fit(fit),
            None if resize_filter is None else parse_filter(resize_filter),
            None if weights_file is None else Path(weights_file),
            activation,
            threshold,
            None if data is None else Path(data),
            None if split is None else Path(split),
            seed,
        )


def _check_labels(labels: tuple[str, ...], positive: Sequence[str] | None) -> None:
    if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
        raise UsageError(
            f"--labels {','.join(labels)}: give two different names or more, separated by commas"
        )
    for label in labels:
        if not (label.isprintable() and label.strip()):
            raise UsageError(f"--labels: {label!a} is blank or has characters that do not print")
    if positive is not None and (
        not positive or not set(positive) <= set(labels) or set(positive) == set(labels)
    ):
        raise UsageError(
            f"--positive {','.join(positive)}: give some, not all, of the labels {', '.join(labels)}"
        )
