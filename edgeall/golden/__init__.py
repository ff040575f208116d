"""Golden answers: whether an engine, here and now, gives the answers that an artifact's own engine gave.

Every artifact carries four seeds of drawn pictures and the probabilities that it gave when it was made.
"""

from edgeall.golden.checking import Outcome, check, run, uncheckable, wrong
from edgeall.golden.remembered import check_once

__all__ = ["Outcome", "check", "check_once", "run", "uncheckable", "wrong"]
