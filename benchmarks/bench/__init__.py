"""`make bench`: edgeall beside its alternatives, on one machine in one run."""
