"""The YAML at the head of a model card, with `model-index`, as Hugging Face's Hub reads it.

Format: https://huggingface.co/docs/hub/model-cards and https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from collections.abc import Iterator
from typing import Any

import yaml

from edgeall.cards.facts import Facts
from edgeall.cards.figures import METRICS, Metric, on_images, rounded, shown
from edgeall.cards.licences import spdx
from edgeall.cards.text import one_line
from edgeall.results import Bench, Result
from edgeall.results.accuracy import split_in_words

TASK = "image-classification"
_HUB_LICENCES = {
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "BSD-2-Clause": "bsd-2-clause",
    "BSD-3-Clause": "bsd-3-clause",
    "CC-BY-3.0": "cc-by-3.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC0-1.0": "cc0-1.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
}
"""The Hub's names of licences, by SPDX's."""


def front_matter(facts: Facts) -> dict[str, Any]:
    """Keys and values of the metadata.

    `license` is that of the initial weights, and missing where it is none that the Hub knows. `model-index` holds
    figures on held-out images with both ends of an interval: a list of figures alone says too much of the others.
    """
    made = facts.metadata.provenance
    licence = _HUB_LICENCES.get(spdx(made.licence) or "")
    index = list(_results(facts))
    return {
        **({} if licence is None else {"license": licence}),
        "pipeline_tag": TASK,
        "tags": [
            *("medical", "leukemia", "blood-smear", "edge", "research-use-only"),
            *(one_line(made.backbone), facts.metadata.format, facts.metadata.precision),
        ],
        **({"model-index": [{"name": one_line(facts.name), "results": index}]} if index else {}),
    }


def write(metadata: dict[str, Any]) -> str:
    """The block between its lines `---`."""
    text = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"


def _results(facts: Facts) -> Iterator[dict[str, Any]]:
    for bench, result in facts.held_out:
        metrics = [found for metric in METRICS if (found := _metric(bench, result, metric)) is not None]
        if metrics:
            yield {"task": _task(bench, result), "dataset": _data_set(result), "metrics": metrics}


def _task(bench: Bench, result: Result) -> dict[str, str]:
    return {"type": TASK, "name": one_line(f"Leukaemia detection on {bench.device} ({result.engine})")}


def _data_set(result: Result) -> dict[str, str]:
    name = one_line(result.data or "") or "not known"
    return {
        "type": "-".join(name.lower().split()),
        "name": f"{name}, {split_in_words(result.split_by)}",
        "split": "test",
    }


def _metric(bench: Bench, result: Result, metric: Metric) -> dict[str, Any] | None:
    """Its name tells the device too: the Hub's tool puts metrics of one data set under the first task's name."""
    found = metric.estimate(result)
    if found is None or found.low is None or found.high is None:
        return None
    ends = f"95 % interval {shown(found.low)} to {shown(found.high)}"
    return {
        "type": metric.hub,
        "value": rounded(found.value),
        "name": one_line(f"{metric.name} on {bench.device} ({ends}; {on_images(result, metric)})"),
    }
