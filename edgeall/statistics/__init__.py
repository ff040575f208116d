"""Metrics, intervals and paired tests, with their sources. Intervals are at 95%."""

from edgeall.statistics.clustered import clusters
from edgeall.statistics.copies import number_copies
from edgeall.statistics.estimate import CONFIDENCE, Estimate, independent_difference, proportion
from edgeall.statistics.intervals import share
from edgeall.statistics.latency import (
    LEAST_GAIN,
    NOISY,
    RUNS_NEEDED,
    Timings,
    percentiles,
    ratio_of_separate_rounds,
    ratio_over_rounds,
    round_spread,
)
from edgeall.statistics.metrics import (
    ECE_BINS,
    ClassMetrics,
    Metrics,
    Referral,
    classification_metrics,
    is_positive,
    positive_score,
)
from edgeall.statistics.multiple import holm
from edgeall.statistics.one_sided import OneSided, paired_auc, paired_mean
from edgeall.statistics.paired import (
    PairedTest,
    accuracy_gain,
    agreement,
    compare_f1,
    compare_verdicts,
    mcnemar_exact,
)
from edgeall.statistics.person_cut import LEAST_CELLS, LEAST_PEOPLE, LearnedCut, learn_person_cut
from edgeall.statistics.roc import AucDifference, auc_test_over_subjects, compare_auc
from edgeall.statistics.roc_band import RocBand, RocCurve, roc_curve
from edgeall.statistics.temperature import fit_scale, log_losses
from edgeall.statistics.threshold import choose_band, choose_threshold, matching_threshold

__all__ = [
    "CONFIDENCE",
    "ECE_BINS",
    "LEAST_CELLS",
    "LEAST_GAIN",
    "LEAST_PEOPLE",
    "NOISY",
    "RUNS_NEEDED",
    "AucDifference",
    "ClassMetrics",
    "Estimate",
    "LearnedCut",
    "Metrics",
    "OneSided",
    "PairedTest",
    "Referral",
    "RocBand",
    "RocCurve",
    "Timings",
    "accuracy_gain",
    "agreement",
    "auc_test_over_subjects",
    "choose_band",
    "choose_threshold",
    "classification_metrics",
    "clusters",
    "compare_auc",
    "compare_f1",
    "compare_verdicts",
    "fit_scale",
    "holm",
    "independent_difference",
    "is_positive",
    "learn_person_cut",
    "log_losses",
    "matching_threshold",
    "mcnemar_exact",
    "number_copies",
    "paired_auc",
    "paired_mean",
    "percentiles",
    "positive_score",
    "proportion",
    "ratio_of_separate_rounds",
    "ratio_over_rounds",
    "roc_curve",
    "round_spread",
    "share",
]
