"""CycloneDX 1.6: models as machine-learning-model components with their model cards, and software beside them.

Specification: ECMA-424, https://cyclonedx.org/docs/1.6/json/. The document is JSON by hand, because
cyclonedx-python-lib has no model cards; tests validate it with that library.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeall import __version__
from edgeall.cards import describing as known
from edgeall.cards import evidence
from edgeall.cards.facts import Facts, File
from edgeall.cards.figures import METRICS, decimals, latency, on_images
from edgeall.cards.licences import spdx
from edgeall.cards.text import one_line
from edgeall.formatting import threads
from edgeall.results import Bench, Result
from edgeall.results.accuracy import split_in_words
from edgeall.statistics import Estimate

SPEC = "1.6"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:edgeall:ml-bom")
_RISKS = (
    (
        "A wrong verdict is taken for a diagnosis.",
        "Research use only; a qualified reader judges every picture.",
    ),
    (
        "People unlike those of the training images are answered worse.",
        "None: edgeall knows no traits of a subject.",
    ),
)
"""Risks, and what is done about each."""


@dataclass(frozen=True)
class Software:
    """A software component beside the models.

    Attributes:
        licence: in words or as SPDX names it; "" where it is not known.
        hashes: hexadecimal, by CycloneDX's name of the algorithm ("SHA-256").
        purl: package URL; "" for none.
        kind: CycloneDX's type: "library", "application", "file".
    """

    name: str
    version: str
    licence: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    purl: str = ""
    kind: str = "library"


def ml_bom(
    models: Sequence[Facts], software: Sequence[Software] = (), subject: Software | None = None
) -> dict[str, Any]:
    """The document, JSON-ready. Equal input gives an equal document: its serial number is a hash of the rest.

    Its timestamp is that of the latest measurement; without one there is none.

    Args:
        subject: what the document is of, where it is more than its models: an application with them.
    """
    times = [facts.measured_at for facts in models if facts.measured_at is not None]
    components = [*map(_model, models), *map(_software, software)]
    references = [component["bom-ref"] for component in components]
    main = None if subject is None else _software(subject)
    depends = [] if main is None else [{"ref": main["bom-ref"], "dependsOn": references}]
    body = {
        "version": 1,
        "metadata": {
            **({"timestamp": max(times)} if times else {}),
            "tools": {"components": [{"type": "application", "name": "edgeall", "version": __version__}]},
            **({} if main is None else {"component": main}),
        },
        "components": components,
        "dependencies": [*depends, *({"ref": reference} for reference in references)],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": SPEC, "serialNumber": f"urn:uuid:{serial}", **body}


def _software(found: Software) -> dict[str, Any]:
    return {
        "type": found.kind,
        "bom-ref": found.purl or f"{found.kind}:{found.name}@{found.version}",
        "name": found.name,
        "version": found.version,
        **_licences(found.licence),
        **({"hashes": _hashes(found.hashes)} if found.hashes else {}),
        **({"purl": found.purl} if found.purl else {}),
    }


def _model(facts: Facts) -> dict[str, Any]:
    made, (main, *beside) = facts.metadata.provenance, facts.files
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{facts.artifact.sha256}",
        "name": one_line(facts.name),
        "version": facts.artifact.sha256[:12],
        "description": one_line(f"{known.task(facts)} {known.technology(facts)}"),
        "hashes": _hashes({"SHA-256": main.sha256}),
        **_licences(made.licence),
        "modelCard": _model_card(facts),
        **({"components": [_file(facts, file) for file in beside]} if beside else {}),
        "properties": _properties(
            {
                "artifact": facts.artifact.sha256,
                "format": facts.metadata.format,
                "precision": facts.metadata.precision,
                "run": made.run,
                "parity": "not measured" if facts.metadata.parity is None else facts.metadata.parity.word,
                "size_bytes": str(facts.artifact.size_bytes),
                **{f"made-with:{name}": version for name, version in made.versions.items()},
            }
        ),
    }


def _file(facts: Facts, file: File) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{facts.artifact.sha256}:{file.name}",
        "name": one_line(file.name),
        "hashes": _hashes({"SHA-256": file.sha256}),
    }


def _model_card(facts: Facts) -> dict[str, Any]:
    pixels, decision = facts.metadata.pixels, facts.metadata.decision
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "image classification",
            "architectureFamily": "convolutional neural network",
            "modelArchitecture": one_line(facts.metadata.provenance.backbone),
            "datasets": list(_data_sets(facts)),
            "inputs": [{"format": f"image, {pixels.size} x {pixels.size} pixels, {pixels.channel_order}"}],
            "outputs": [{"format": one_line(f"probabilities of {', '.join(decision.labels)}")}],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(facts))},
        "considerations": {
            "users": [known.USERS],
            "useCases": [known.USE_CASE, *(f"Not for: {use}" for use in known.NOT_FOR)],
            "technicalLimitations": [one_line(limit) for limit in facts.limits()],
            "performanceTradeoffs": [
                one_line(text)
                for text in (facts.parity, evidence.engine_differences(facts))
                if text is not None
            ],
            "ethicalConsiderations": [
                {"name": name, "mitigationStrategy": mitigation} for name, mitigation in _RISKS
            ],
        },
    }


def _data_sets(facts: Facts) -> Iterator[dict[str, Any]]:
    made = facts.metadata.provenance
    about = one_line(known.training_data(facts))
    fingerprint = {"fingerprint": made.data_fingerprint}
    if not facts.split:
        yield {
            "type": "dataset",
            "name": one_line(made.data),
            "description": about,
            "contents": {"properties": _properties(fingerprint)},
        }
    for part in facts.split:
        counts = {"images": str(part.images)}
        counts |= {} if part.subjects is None else {"subjects": str(part.subjects)}
        counts |= {f"images:{label}": str(count) for label, count in part.labels.items()}
        yield {
            "type": "dataset",
            "name": one_line(f"{made.data}, {part.name}"),
            "description": about,
            "contents": {"properties": _properties(counts | (fingerprint if part.name == "train" else {}))},
        }


def _metrics(facts: Facts) -> Iterator[dict[str, Any]]:
    """Figures with both ends of their intervals; of the Keras model where no device was measured."""
    for bench, result in facts.tested:
        for metric in METRICS:
            of = f"{on_images(result, metric)}, {split_in_words(result.split_by)}, {_place(bench, result)}"
            yield from _metric(metric.name, metric.estimate(result), of)
    for bench, result in facts.measured:
        rounds = 0 if result.latency_ms is None else len(result.latency_ms.by_round)
        runs = 0 if result.latency_ms is None else result.latency_ms.n
        of = f"{threads(result.threads)}, {runs} runs in {rounds} rounds, {_place(bench, result)}, {bench.machine}"
        yield from _metric("Latency p50 in ms", latency(result, bench.emulated), of)
    test = facts.metadata.test
    if not facts.tested and test is not None:
        people = "subjects not known" if test.subjects is None else f"{test.subjects} subjects"
        for name, of_class in (("Sensitivity", test.positive), ("Specificity", test.negative)):
            share = of_class.right
            found = None if share is None else Estimate(share.value, share.low, share.high)
            answered = "" if test.referred is None else ", of those not referred"
            of = f"Keras model, not this file; {of_class.images} of {test.images} test images{answered}, {people}"
            yield from _metric(name, found, of)


def _place(bench: Bench, result: Result) -> str:
    return f"on {bench.device} ({result.engine})"


def _metric(name: str, found: Estimate | None, of: str) -> Iterator[dict[str, Any]]:
    if found is not None and found.low is not None and found.high is not None:
        yield {
            "type": name,
            "value": decimals(found.value),
            "slice": one_line(of),
            "confidenceInterval": {"lowerBound": decimals(found.low), "upperBound": decimals(found.high)},
        }


def _licences(licence: str) -> dict[str, Any]:
    """An SPDX identifier, an expression, or the words of one that SPDX does not know."""
    if not licence:
        return {}
    name = spdx(licence)
    if name is None:
        return {"licenses": [{"license": {"name": one_line(licence)}}]}
    return {"licenses": [{"expression": name} if " " in name else {"license": {"id": name}}]}


def _hashes(hashes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"alg": name, "content": content} for name, content in sorted(hashes.items())]


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": f"edgeall:{one_line(name)}", "value": one_line(value)} for name, value in values.items()]
