"""Several runs as one model: the mean of their calibrated probabilities.

An ensemble is a folder with `ensemble.json`, `predictions.csv` and `evaluation/`. It has no model of its own: it is
exported as its members, and benched as one with summed cost.
"""

from edgeall.ensembling.ensemble import FILE, Ensemble, is_ensemble, load, member_runs
from edgeall.ensembling.make import make_ensemble

__all__ = ["FILE", "Ensemble", "is_ensemble", "load", "make_ensemble", "member_runs"]
