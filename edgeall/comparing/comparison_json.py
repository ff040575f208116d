"""A comparison as JSON."""

import dataclasses
from typing import Any

from edgeall.comparing.compare import Comparison, Outcome, Tolerances
from edgeall.comparing.conclusions import paragraphs
from edgeall.comparing.cost_ratios import Ratio
from edgeall.comparing.loading import Entry, Place, Source
from edgeall.comparing.ranking import Ranking, rankings
from edgeall.results.differences import Difference

SCHEMA = 1


def to_json(outcome: Outcome) -> dict[str, Any]:
    """What `edgeall compare --json` prints: `worse` is empty where its exit status is 0."""
    return {
        "schema": SCHEMA,
        "tolerances": dataclasses.asdict(outcome.tolerances),
        "sources": [_source(source) for source in outcome.sources],
        "comparisons": [_comparison(c, outcome.tolerances) for c in outcome.comparisons],
        "rankings": [_ranking(ranking) for ranking in rankings(outcome)],
        "worse": [
            {
                "name": w.name,
                "place": _place(w.place),
                "metric": w.figure.metric,
                "supported": w.figure.shown,
            }
            for w in outcome.worse
        ],
        "unmatched": [{"name": name, "place": _place(place)} for name, place in outcome.unmatched],
        "words": paragraphs(outcome),
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "path": str(source.path),
        "kind": source.kind,
        "backbone": source.backbone,
        "device": source.device,
        "models": source.models,
        "grouped_by": sorted(source.grouped_by),
        "entries": [_entry(place, entry) for place, entry in source.entries.items()],
    }


def _entry(place: Place | None, entry: Entry) -> dict[str, Any]:
    figures = {name: figure.to_dict() for name, figure in entry.figures.items()}
    artifact = None if entry.result is None else entry.result.artifact
    return {"place": _place(place), "artifact": artifact, "n": entry.n, "figures": figures}


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else dataclasses.asdict(place)


def _comparison(c: Comparison, tolerances: Tolerances) -> dict[str, Any]:
    return {
        "a": c.a,
        "b": c.b,
        "place": _place(c.place),
        "paired": c.paired,
        "n": {"a": c.n[0], "b": c.n[1], "common": c.shared},
        "subjects": c.subjects,
        "differences": {d.metric: _difference(d, tolerances) for d in c.differences},
        "ratios": {r.metric: _ratio(r, tolerances) for r in c.ratios},
    }


def _difference(d: Difference, tolerances: Tolerances) -> dict[str, Any]:
    return {
        "n": d.n,
        "a": d.a,
        "b": d.b,
        "delta": d.delta.to_dict(),
        "interval": d.delta.method,
        "p_value": d.p_value,
        "p_adjusted": d.p_adjusted,
        "test": d.test,
        "supported": d.shown,
        "beyond_tolerance": tolerances.exceeded(d),
    }


def _ratio(r: Ratio, tolerances: Tolerances) -> dict[str, Any]:
    return {
        "a": r.a,
        "b": r.b,
        "ratio": r.ratio.to_dict(),
        "interval": r.ratio.method,
        "interleaved": r.interleaved,
        "supported": r.shown,
        "beyond_tolerance": tolerances.exceeded(r),
    }


def _ranking(ranking: Ranking) -> dict[str, Any]:
    return {
        "place": _place(ranking.place),
        "by": ranking.metric,
        "order": [{"name": name, **figure.to_dict()} for name, figure in ranking.order],
        "pairs": ranking.pairs,
        "supported": [{"higher": higher, "lower": lower} for higher, lower in ranking.supported],
        "untested": ranking.untested,
    }
