"""Evaluation of a fine-tuned model on its own dataset: a folder `evaluation/` with tables and plots."""

from edgeall.evaluating.evaluation import FOLDER, Evaluation, evaluate
from edgeall.evaluating.evaluation_files import write

__all__ = ["FOLDER", "Evaluation", "evaluate", "write"]
