"""Chooses an imported model's preprocessing and threshold on its images, with warnings."""

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
from edgeall.statistics import (
    choose_threshold,
    classification_metrics,
    is_positive,
    learn_person_cut,
    positive_score,
)
from edgeall.training.model import predict

_NO_IMAGES = (
    "no labelled images were given, so preprocessing, resize filter and labels were not checked; float exports are "
    "compared with the Keras model on synthetic smears, and INT8 exports are not possible: import with --data DIR"
)


class PreprocessingChoice:
    """Compares preprocessings on labelled images, where there are any.

    Args:
        resizing: how training images were resized: a fit, and a filter or None to choose one.
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
        """The given preprocessing, or the best; warnings; and the figures of all that were tried."""
        if given is not None:
            given = self._resized(given)
        if self._images.drawn:
            assert given is not None
            return given, [_NO_IMAGES], []
        tried = self._score_candidates(given)
        warnings = []
        if given is None:
            chosen, as_good = tried.best()
            if as_good:
                warnings.append(_undecided(chosen, as_good, len(tried.truth)))
        else:
            chosen = next(fit for fit in tried.fits if fit.preprocessing is given)
            if other := tried.far_better_than(chosen):
                warnings.append(_wrong(chosen, other, len(tried.truth)))
        chosen, filter_warnings, tried_filters = self._choose_filter(chosen)
        warnings += filter_warnings
        members = self._images.trial(self._seed)
        order = contradicted_order(self._predict(chosen.preprocessing, members), tried.truth, self._decision)
        if order is not None:
            warnings.append(_swapped(order, tried.agreeing_with_labels(chosen), len(members)))
        return chosen.preprocessing, warnings, [fit.to_dict() for fit in (*tried.fits, *tried_filters)]

    def _choose_filter(self, default: FitScore) -> tuple[FitScore, list[str], list[FitScore]]:
        """The fit with the user's filter, or with the best one; warnings; the other fits that were tried.

        The filter is chosen after the preprocessing: a wrong filter blurs the image, a wrong preprocessing ruins it.
        """
        if self._built.preprocessing.resize is not None:
            return default, [], []
        preprocessing = default.preprocessing
        others = [replace(preprocessing, filter=name) for name in FILTERS if name != preprocessing.filter]
        tried = self._score(others, "resize filters")
        compared = replace(tried, fits=(default, *tried.fits))
        images = len(compared.truth)
        if self._filter is not None:
            other = compared.far_better_than(default)
            return default, [_wrong_filter(default, other, images)] if other else [], list(tried.fits)
        chosen = compared.improved(default)
        rivals = compared.rivals(chosen)
        return chosen, [_undecided_filter(chosen, rivals, images)] if rivals else [], list(tried.fits)

    def decide(
        self, preprocessing: Preprocessing, threshold: float | None
    ) -> tuple[Decision, dict[str, Any]]:
        """The decision with its threshold, and the metrics on validation images."""
        if self._images.drawn:
            return replace(self._decision, threshold=0.5 if threshold is None else threshold), {}
        val = self._images.split.val
        table, truth = self._predict(preprocessing, val), self._truth(val)
        if threshold is None:
            scores = positive_score(table, self._decision)
            positive = is_positive(truth, self._decision)
            threshold = float(choose_threshold(positive.tolist(), scores.tolist()))
        decision = replace(self._decision, threshold=threshold)
        subjects = [member.subject for member in val]
        known = None if None in subjects else subjects
        metrics = classification_metrics(truth, table, decision, known)
        cut = learn_person_cut(subjects, truth, table, decision, self._images.split.grouped_by)
        return decision, {
            "val": {"of": "the Keras model"} | metrics.to_dict() | {"person_cut": cut.to_dict()}
        }

    def _score_candidates(self, given: Preprocessing | None) -> PreprocessingFit:
        # The given one comes first, under its own name.
        tried = [] if given is None else [given]
        for candidate in map(self._resized, candidates()):
            if self._built.preprocessing.has_black_bars(candidate) and not (
                given and candidate.is_close(given)
            ):
                tried.append(candidate)
        return self._score(tried, "preprocessings")

    def _score(self, preprocessings: Sequence[Preprocessing], what: str) -> PreprocessingFit:
        members = self._images.trial(self._seed)
        return PreprocessingFit.score(
            preprocessings,
            lambda preprocessing: self._predict(preprocessing, members),
            self._truth(members),
            self._decision,
            self._progress,
            what,
        )

    def _resized(self, preprocessing: Preprocessing) -> Preprocessing:
        return replace(preprocessing, fit=self._fit, filter=self._filter or preprocessing.filter)

    def _truth(self, members: Sequence[Member]) -> Classes:
        return np.asarray([self._decision.labels.index(member.label) for member in members], dtype=np.int64)

    def _predict(self, preprocessing: Preprocessing, members: Sequence[Member]) -> Probabilities:
        pixels = mapping(preprocessing, self._built.preprocessing, self._built.size)
        batches = self._images.batches(members, pixels.resize)
        tables = np.concatenate([predict(self._built.model, batch, pixels) for batch in batches])
        if not np.isfinite(tables).all():
            raise ModelError(f"the model's output is NaN or infinite with preprocessing {preprocessing}")
        return np.asarray(tables, dtype=np.float64)


def _wrong(chosen: FitScore, other: FitScore, images: int) -> str:
    return (
        f"another preprocessing fits far better: {other.preprocessing} has {other}, where {chosen.preprocessing} has "
        f"{chosen} on {images} images; import again with {other.preprocessing.options}"
    )


def _undecided(chosen: FitScore, as_good: list[FitScore], images: int) -> str:
    others = "; ".join(f"{fit.preprocessing} ({fit})" for fit in as_good)
    return (
        f"preprocessing guessed: {chosen.preprocessing} ({chosen}), but on {images} images it is not significantly "
        f"better than {others}; give the model's own with --preprocessing"
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
        f"resize filter guessed: {chosen.preprocessing.filter}, but on {images} images it is not significantly better "
        f"than {others}; give the training images' own with --resize-filter"
    )


def _swapped(order: tuple[str, ...], other: FitScore | None, images: int) -> str:
    alternative = (
        f"; or they are right and the preprocessing is wrong: try {other.preprocessing.options}"
        if other
        else ""
    )
    return (
        f"the labels look swapped: on {images} images the outputs fit --labels {','.join(order)}{alternative}"
    )
