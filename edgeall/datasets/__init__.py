"""Folders of smear images: layouts, classes and subjects; a census; splits without leaks; synthetic smears."""

from edgeall.datasets.census import Census, SplitLeak, take_census
from edgeall.datasets.dataset import Dataset, Sample, read_dataset
from edgeall.datasets.split import FRACTIONS, make_folds, make_split
from edgeall.datasets.split_wording import least_strict, split_caveat, split_kind
from edgeall.datasets.splitfile import load_split, save_split, split_to_dict
from edgeall.datasets.survey import Unreadable
from edgeall.datasets.synthetic import synthesize

__all__ = [
    "FRACTIONS",
    "Census",
    "Dataset",
    "Sample",
    "SplitLeak",
    "Unreadable",
    "least_strict",
    "load_split",
    "make_folds",
    "make_split",
    "read_dataset",
    "save_split",
    "split_caveat",
    "split_kind",
    "split_to_dict",
    "synthesize",
    "take_census",
]
