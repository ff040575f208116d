"""What a fine-tuned model is worth on its own images: a folder `evaluation/` with tables and pictures."""

from edgeall.evaluating.evaluation import FOLDER, Evaluation, evaluate
from edgeall.evaluating.evaluation_files import write

__all__ = ["FOLDER", "Evaluation", "evaluate", "write"]
