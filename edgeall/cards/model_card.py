"""The model card: README.md of an artifact, as Hugging Face's Hub shows it."""

import shlex
from collections.abc import Iterable, Iterator

from edgeall.artifact import usage
from edgeall.cards import describing as known
from edgeall.cards import evidence
from edgeall.cards.checklist import TO_FILL_IN
from edgeall.cards.facts import Facts
from edgeall.cards.figures import METRICS, interval_words, of_subjects, on_images, shown
from edgeall.cards.front_matter import front_matter, write
from edgeall.cards.text import one_line, safe, table
from edgeall.results import Result
from edgeall.results.accuracy import split_in_words

_STEPS = ("decode", "resize", "input", "engine", "output", "verdict")
"""Of `usage.rule`, in the order of use."""

_MARK = f"**{TO_FILL_IN}**"


def model_card(facts: Facts) -> str:
    """Front matter and page."""
    sections = (
        section for heading, lines in _sections(facts) for section in (f"## {heading}", "", *lines, "")
    )
    made = facts.metadata.provenance
    head = [
        f"# {safe(made.run)}: {safe(facts.kind)}",
        "",
        f"> {safe(facts.metadata.intended_use)}",
        "",
        safe(known.task(facts)),
        safe(known.technology(facts)),
        "",
        f"**{safe(facts.parity)}**",
        "",
    ]
    return write(front_matter(facts)) + "\n" + "\n".join([*head, *sections]).rstrip() + "\n"


def _sections(facts: Facts) -> Iterator[tuple[str, Iterable[str]]]:
    yield "Intended use", [*_list(known.USERS, known.USE_CASE), "", "Not for:", "", *_list(*known.NOT_FOR)]
    yield "Limits", _list(*facts.limits())
    yield "Figures on test images", _figures(facts)
    yield "Cost on devices", _costs(facts)
    yield (
        "Agreement with the trained model",
        _list(
            facts.parity,
            evidence.parity_figures(facts),
            evidence.engine_differences(facts),
            evidence.robustness(facts),
        ),
    )
    yield "Training data and split", _data(facts)
    yield (
        "Pictures it is made for",
        [safe(known.domain(facts) or "The artifact does not know what its training images looked like.")],
    )
    yield (
        "How it was made",
        _list(
            known.model(facts),
            known.initial_weights(facts),
            known.training(facts),
            known.selection(facts),
            known.calibration(facts),
            known.threshold(facts),
            known.quantization(facts),
            None if (versions := known.software(facts)) is None else f"Software: {versions}",
        ),
    )
    yield "Use with edgeall", _with_edgeall(facts)
    yield "Use without edgeall", _without_edgeall(facts)
    yield "Files", [table(("file", "bytes", "SHA-256"), _files(facts))]
    yield "Licence", _licence(facts)
    yield "Citation", [*_list(*known.citations(facts)), f"- Your own study: {_MARK}"]
    yield (
        "Reporting",
        _list(
            "Checklists of TRIPOD+AI and CLAIM 2024, filled in as far as edgeall knows: TRIPOD+AI.md, CLAIM-2024.md.",
            "The same facts for programs, as CycloneDX ML-BOM: bom.cdx.json.",
        ),
    )


def _figures(facts: Facts) -> Iterator[str]:
    if not facts.tested:
        yield "No device was measured. " + safe(
            evidence.keras_figures(facts) or "Nothing is known of test images."
        )
        return
    for bench, result in facts.tested:
        n = safe(f"{result.n} test images{of_subjects(result)}, {split_in_words(result.split_by)}")
        yield f"On {safe(bench.device)} ({safe(str(result.engine))}), {n}:"
        yield ""
        yield table(("figure", "value", "95 % interval", "of"), _rows(result))
        yield ""
        for text in evidence.beside_the_verdict(result):
            yield safe(text)
            yield ""
    yield "A figure without an interval stands here with the reason, and not in the metadata of this page."


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    for metric in METRICS:
        found = metric.estimate(result)
        if found is None:
            continue
        yield metric.name, shown(found.value), safe(interval_words(result, metric)), on_images(result, metric)


def _costs(facts: Facts) -> Iterator[str]:
    if not facts.measured:
        yield "No device was measured: latency and memory are not known."
        return
    yield table(
        evidence.COSTS, [tuple(map(safe, evidence.costs(bench, result))) for bench, result in facts.measured]
    )
    yield ""
    yield "Latency is that of the model alone, with the 95 % interval over rounds. It holds for that machine."


def _data(facts: Facts) -> Iterator[str]:
    yield safe(known.training_data(facts))
    yield safe(known.split_level(facts) or "How test images were set apart is not known.")
    if facts.split:
        labels = list(facts.split[0].labels)
        yield ""
        yield table(
            ("part", "images", "subjects", *map(safe, labels)),
            [
                (
                    part.name,
                    str(part.images),
                    "not known" if part.subjects is None else str(part.subjects),
                    *(str(part.labels[label]) for label in labels),
                )
                for part in facts.split
            ],
        )


def _with_edgeall(facts: Facts) -> Iterator[str]:
    file = shlex.quote(one_line(facts.artifact.path.name))
    yield "```sh"
    yield f"edgeall classify --model {file} IMAGE"
    yield f"edgeall selftest {file}"
    yield f"edgeall inspect {file}"
    yield "```"


def _without_edgeall(facts: Facts) -> Iterator[str]:
    rule = usage.rule(facts.metadata)
    yield from (f"{number}. {safe(rule[step])}" for number, step in enumerate(_STEPS, start=1))
    yield ""
    yield "The same text stands in the file's metadata, under the key `usage`."


def _files(facts: Facts) -> Iterator[tuple[str, ...]]:
    for file in facts.files:
        yield safe(file.name), str(file.size_bytes), f"`{file.sha256}`"


def _licence(facts: Facts) -> list[str]:
    source = known.data_set(facts)
    images = "not known to edgeall" if source is None or not source.licence else source.licence
    return [
        *_list(f"Initial weights: {facts.metadata.provenance.licence}.", f"Training images: {images}."),
        f"- These fine-tuned weights, on which both licences above bear: {_MARK}",
    ]


def _list(*texts: str | None) -> list[str]:
    return [f"- {safe(text)}" for text in texts if text is not None]
