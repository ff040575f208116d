"""What the images that come with a model decide: its preprocessing, its threshold, and what to warn of."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgeall.artifact import Decision
from edgeall.errors import ModelError
from edgeall.importing.build import BuiltModel
from edgeall.importing.labelled_images import LabelledImages
from edgeall.importing.preprocessing import Preprocessing, candidates, mapping
from edgeall.importing.preprocessing_fit import (
    Classes,
    FitScore,
    PreprocessingFit,
    Probabilities,
    contradicted_order,
)
from edgeall.pixels import FILTERS, Filter
from edgeall.pixels import Fit as HowToFit
from edgeall.progress import Progress
from edgeall.runs import Member
from edgeall.statistics import choose_threshold, classification_metrics, is_positive, positive_score
from edgeall.training.model import predict

_NO_IMAGES = (
    "no labelled images were given, so neither preprocessing, resize filter nor labels could be checked; float "
    "exports are compared with it on drawn smears, and INT8 ones cannot be made: import with --data DIR for all of it"
)


class PreprocessingChoice:
    """Asks the labelled images, where there are any.

    `resizing` is how pictures were resized before the model was given them: a fit, and a filter or None to find out.
    """

    def __init__(
        self,
        built: BuiltModel,
        resizing: tuple[HowToFit, Filter | None],
        decision: Decision,
        images: LabelledImages,
        seed: int,
        progress: Progress,
    ) -> None:
        self._built, self._decision = built, decision
        self._images, self._seed, self._progress = images, seed, progress
        self._fit, self._filter = resizing

    def preprocessing(
        self, given: Preprocessing | None
    ) -> tuple[Preprocessing, list[str], list[dict[str, Any]]]:
        """The one given, or the best; warnings; and the figures of all that were tried."""
        if given is not None:
            given = self._resized(given)
        if self._images.drawn:
            assert given is not None
            return given, [_NO_IMAGES], []
        evidence = self._evidence(given)
        warnings = []
        if given is None:
            chosen, as_good = evidence.best()
            if as_good:
                warnings.append(_undecided(chosen, as_good, len(evidence.truth)))
        else:
            chosen = next(fit for fit in evidence.fits if fit.preprocessing is given)
            if other := evidence.far_better_than(chosen):
                warnings.append(_wrong(chosen, other, len(evidence.truth)))
        chosen, of_filters, tried = self._filtered(chosen)
        warnings += of_filters
        members = self._images.trial(self._seed)
        order = contradicted_order(
            self._predict(chosen.preprocessing, members), evidence.truth, self._decision
        )
        if order is not None:
            warnings.append(_swapped(order, evidence.agreeing_with_labels(chosen), len(members)))
        return chosen.preprocessing, warnings, [fit.to_dict() for fit in (*evidence.fits, *tried)]

    def _filtered(self, usual: FitScore) -> tuple[FitScore, list[str], list[FitScore]]:
        """The fit by the filter that was asked for, or that the images speak for; warnings; the others tried.

        Only with the preprocessing already found: a wrong filter blurs the picture, a wrong preprocessing ruins it.
        """
        if self._built.front.resize is not None:
            return usual, [], []
        way = usual.preprocessing
        others = [replace(way, filter=name) for name in FILTERS if name != way.filter]
        tried = self._gather(others, "resize filters")
        evidence = replace(tried, fits=(usual, *tried.fits))
        images = len(evidence.truth)
        if self._filter is not None:
            other = evidence.far_better_than(usual)
            return usual, [_wrong_filter(usual, other, images)] if other else [], list(tried.fits)
        chosen = evidence.improved(usual)
        rivals = evidence.rivals(chosen)
        return chosen, [_undecided_filter(chosen, rivals, images)] if rivals else [], list(tried.fits)

    def decide(self, way: Preprocessing, threshold: float | None) -> tuple[Decision, dict[str, Any]]:
        """The decision with its threshold, and the metrics of validation."""
        if self._images.drawn:
            return replace(self._decision, threshold=0.5 if threshold is None else threshold), {}
        val = self._images.split.val
        table, truth = self._predict(way, val), self._truth(val)
        if threshold is None:
            scores = positive_score(table, self._decision)
            positive = is_positive(truth, self._decision)
            threshold = float(choose_threshold(positive.tolist(), scores.tolist()))
        decision = replace(self._decision, threshold=threshold)
        subjects = [member.subject for member in val]
        known = None if None in subjects else subjects
        metrics = classification_metrics(truth, table, decision, known)
        return decision, {"val": {"of": "the Keras model"} | metrics.to_dict()}

    def _evidence(self, given: Preprocessing | None) -> PreprocessingFit:
        # The one given comes first, under its own name.
        ways = [] if given is None else [given]
        known = [way for way in map(self._resized, candidates()) if self._built.front.admits(way)]
        ways += [way for way in known if given is None or not way.same_as(given)]
        return self._gather(ways, "preprocessings")

    def _gather(self, ways: Sequence[Preprocessing], what: str) -> PreprocessingFit:
        members = self._images.trial(self._seed)
        return PreprocessingFit.gather(
            ways,
            lambda way: self._predict(way, members),
            self._truth(members),
            self._decision,
            self._progress,
            what,
        )

    def _resized(self, way: Preprocessing) -> Preprocessing:
        return replace(way, fit=self._fit, filter=self._filter or way.filter)

    def _truth(self, members: Sequence[Member]) -> Classes:
        return np.asarray([self._decision.labels.index(member.label) for member in members], dtype=np.int64)

    def _predict(self, way: Preprocessing, members: Sequence[Member]) -> Probabilities:
        pixels = mapping(way, self._built.front, self._built.size)
        batches = self._images.batches(members, pixels.resize)
        tables = np.concatenate([predict(self._built.model, batch, pixels) for batch in batches])
        if not np.isfinite(tables).all():
            raise ModelError(f"the model answers NaN or infinity with preprocessing {way}")
        return np.asarray(tables, dtype=np.float64)


def _wrong(chosen: FitScore, other: FitScore, images: int) -> str:
    return (
        f"another preprocessing fits far better: {other.preprocessing} has {other}, where {chosen.preprocessing} has "
        f"{chosen} on {images} images; import again with {other.preprocessing.options}"
    )


def _undecided(chosen: FitScore, as_good: list[FitScore], images: int) -> str:
    others = "; ".join(f"{fit.preprocessing} ({fit})" for fit in as_good)
    return (
        f"preprocessing guessed: {chosen.preprocessing} ({chosen}), but {images} images do not tell it from {others}; "
        "say with --preprocessing how the model was trained"
    )


def _wrong_filter(chosen: FitScore, other: FitScore, images: int) -> str:
    return (
        f"another resize filter fits far better: {other.preprocessing.filter} has {other}, where "
        f"{chosen.preprocessing.filter} has {chosen} on {images} images; import again with "
        f"{other.preprocessing.filter_options}"
    )


def _undecided_filter(chosen: FitScore, rivals: list[tuple[FitScore, int]], images: int) -> str:
    others = ", ".join(f"{fit.preprocessing.filter} ({changed} other verdicts)" for fit, changed in rivals)
    return (
        f"resize filter guessed: {chosen.preprocessing.filter}, but {images} images do not tell it from {others}; say "
        "with --resize-filter how the training pictures were resized"
    )


def _swapped(order: tuple[str, ...], other: FitScore | None, images: int) -> str:
    cure = (
        f"; or they are right and the preprocessing is wrong: try {other.preprocessing.options}"
        if other
        else ""
    )
    return f"the labels look swapped: on {images} images the outputs fit --labels {','.join(order)}{cure}"
