"""Several runs as one model: the mean of their calibrated probabilities.

An ensemble is a folder with `ensemble.json`, `predictions.csv` and `evaluation/`. It has no model of its own: it is
exported as its members, and benched as one with summed cost.

`make.make_ensemble` makes one. It needs scikit-learn, which takes a second to import and which nobody needs who only
reads what an ensemble is.
"""

from edgeall.ensembling.ensemble import FILE, Ensemble, is_ensemble, load, member_runs

__all__ = ["FILE", "Ensemble", "is_ensemble", "load", "member_runs"]
