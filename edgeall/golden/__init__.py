"""Golden answers: whether an engine, here and now, gives the answers that an artifact's own engine gave.

Every artifact carries four seeds of drawn pictures and the probabilities that it gave when it was made. `checking` runs
them, `remembered` runs them once after boot. Nothing is imported here: what is remembered needs no drawing.
"""
