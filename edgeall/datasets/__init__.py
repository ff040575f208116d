"""Folders of smear images: which layout, which classes, which subjects; a census; a split that does not leak."""

from edgeall.datasets.census import Census, SplitLeak, take_census
from edgeall.datasets.dataset import Dataset, Sample, read_dataset
from edgeall.datasets.split import FRACTIONS, make_folds, make_split
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
    "load_split",
    "make_folds",
    "make_split",
    "read_dataset",
    "save_split",
    "split_to_dict",
    "synthesize",
    "take_census",
]
