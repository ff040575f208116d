"""What cards say an artifact is, of what and how it was made, in plain sentences without markup. None: not known."""

from collections.abc import Mapping
from typing import Any

from edgeall.artifact import usage
from edgeall.cards.facts import Facts
from edgeall.cards.figures import images
from edgeall.cards.sources import BACKBONES, DATA_SETS, Source
from edgeall.datasets.split_wording import split_caveat
from edgeall.domain import in_words
from edgeall.formatting import listed

USERS = "Researchers and engineers who develop or compare classifiers of blood cells."
USE_CASE = "Research on telling leukaemic from healthy cells in pictures of stained blood smears."
NOT_FOR = (
    "Diagnosis, screening, monitoring or any other decision about a patient.",
    "Pictures of other tissue, other stains or other cameras than those of the training images.",
    "Whole smear fields, unless each white cell is cut out first: the model judges one picture at a time.",
)
"""Uses that the artifact is not made for."""


def task(facts: Facts) -> str:
    decision = facts.metadata.decision
    others = [label for label in decision.labels if label not in decision.positive]
    return (
        f"Classification of a picture of blood cells: {listed(list(decision.positive), 'or')} (positive) against "
        f"{listed(others, 'or')} (negative). Diagnostic, not prognostic: there is no time horizon."
    )


def technology(facts: Facts) -> str:
    made = facts.metadata.provenance
    return (
        f"Deep learning: the convolutional network {made.backbone} with the head {made.head}, fine-tuned, as "
        f"{facts.kind} file."
    )


def data_set(facts: Facts) -> Source | None:
    return DATA_SETS.get(facts.metadata.provenance.data)


def training_data(facts: Facts) -> str:
    """Where the images come from, as far as edgeall knows."""
    made, source = facts.metadata.provenance, data_set(facts)
    if made.data_fingerprint.startswith("unknown:"):
        return "The images that trained the model are not known to edgeall."
    if "synth" in made.data.lower():
        return f"Synthetic smears, drawn by a program ({made.data}): they show no patient."
    if source is None:
        return f"Images in the layout {made.data}; edgeall knows no publication of them."
    licence = f" Licence of the images: {source.licence}." if source.licence else ""
    return f"{source.citation}{f', {source.url}' if source.url else ''}.{licence}"


def training_data_known(facts: Facts) -> str | None:
    """`training_data` of a data set that edgeall knows, or of drawn images."""
    known = data_set(facts) is not None or "synth" in facts.metadata.provenance.data.lower()
    return training_data(facts) if known else None


def split(facts: Facts) -> str | None:
    """ "train: 198 images of 3 subjects (85 hem, 113 all); ..."."""
    parts = []
    for part in facts.split:
        people = "subjects not known" if part.subjects is None else f"{part.subjects} subjects"
        labels = ", ".join(f"{count} {label}" for label, count in part.labels.items())
        parts.append(f"{part.name}: {images(part.images)}, {people} ({labels})")
    return f"{'; '.join(parts)}." if parts else None


def split_level(facts: Facts) -> str | None:
    grouped_by = facts.run.split.grouped_by if facts.run is not None else None
    if grouped_by is None and facts.metadata.test is not None:
        grouped_by = facts.metadata.test.grouped_by
    return None if grouped_by is None else split_caveat(grouped_by)


def split_method(facts: Facts) -> str | None:
    if facts.run is None or not facts.split:
        return None
    fractions = facts.run.settings.get("fractions")
    asked = f" Wanted shares: {_values(fractions)}." if fractions else ""
    return (
        "Training, validation (early stopping, threshold, calibration, parity) and test images are disjoint; at random "
        f"with seed {facts.run.seed}, or as a given split says.{asked} {split_level(facts)}"
    )


def preparation(facts: Facts) -> str:
    rule = usage.rule(facts.metadata)
    return f"{rule['decode']} {rule['resize']} {rule['input']}"


def output(facts: Facts) -> str:
    rule = usage.rule(facts.metadata)
    return f"{rule['output']} {rule['verdict']}"


def threshold(facts: Facts) -> str:
    decision = facts.metadata.decision
    band = "no referral band"
    if decision.refer is not None:
        band = f"scores from {decision.refer[0]:.3f} to {decision.refer[1]:.3f} are referred to a reader"
    settings = {} if facts.run is None else facts.run.settings
    how = "as given by the user" if settings.get("threshold") is not None else "chosen on validation images"
    known = f" ({how})" if facts.run is not None else ""
    return f"Positive from the score {decision.threshold:.3f} on{known}; {band}."


def model(facts: Facts) -> str:
    """Architecture, input and output, size."""
    pixels, params = facts.metadata.pixels, {} if facts.run is None else facts.run.params
    count = f" {params['total']:,} parameters." if params.get("total") else ""
    return (
        f"{technology(facts)}{count} Input: one picture of {pixels.size} x {pixels.size} pixels, "
        f"{pixels.channel_order}. File: {facts.artifact.size_bytes / 1e6:.2f} MB."
    )


def initial_weights(facts: Facts) -> str:
    made = facts.metadata.provenance
    return f"Training started from: {made.weights}. Licence of these: {made.licence}."


def software(facts: Facts) -> str | None:
    versions = facts.metadata.provenance.versions
    return f"{', '.join(f'{name} {version}' for name, version in versions.items())}." if versions else None


_SETTINGS = (
    *("recipe", "fine_tune", "head_epochs", "epochs", "head_rate", "rate", "schedule", "batch_size"),
    *("head_patience", "patience", "views", "dropout", "balanced", "augmentation", "seed"),
)
"""Settings of a training that a reader needs to repeat it."""


def training(facts: Facts) -> str | None:
    if facts.run is None or not facts.run.settings:
        return None
    known = facts.run.settings
    told = [f"{name} {_values(known[name])}" for name in _SETTINGS if known.get(name) is not None]
    return f"Settings: {'; '.join(told)}." if told else None


def selection(facts: Facts) -> str | None:
    """How the final weights, and of INT8 the method, were chosen."""
    patience = None if facts.run is None else facts.run.settings.get("patience")
    if patience is None:
        return None
    weights = (
        "The state with the highest validation AUC and, among equals, the lowest validation loss."
        if patience
        else "The last epoch."
    )
    methods = (
        " Methods of INT8 are compared on validation images." if facts.metadata.precision == "int8" else ""
    )
    return f"{weights}{methods} Test images take part in no choice."


def calibration(facts: Facts) -> str | None:
    found = facts.metadata.calibration
    if found is None:
        return None
    if found.method == "none":
        return "Probabilities are not calibrated."
    return f"Probabilities are calibrated by {found.method} on {found.n} validation images."


def class_balance(facts: Facts) -> str | None:
    balanced = None if facts.run is None else facts.run.settings.get("balanced")
    if balanced is None:
        return None
    weights = (
        "Classes have equal weight in the loss" if balanced else "All images have equal weight in the loss"
    )
    return f"{weights}. {calibration(facts) or 'Whether probabilities are calibrated is not known.'}"


def quantization(facts: Facts) -> str:
    if facts.metadata.precision != "int8":
        return f"Weights and activations in {facts.metadata.precision}."
    method = facts.metadata.quantization.get("method") or "not known"
    return f"INT8 by the method {method}, with a threshold of its own."


def domain(facts: Facts) -> str | None:
    found = facts.metadata.domain
    if found is None:
        return None
    return f"Made for {in_words(found)}. edgeall classify gives a picture unlike these no verdict."


def citations(facts: Facts) -> tuple[str, ...]:
    sources = (data_set(facts), BACKBONES.get(facts.metadata.provenance.backbone))
    return tuple(
        f"{source.title}: {source.citation}.{f' {source.url}' if source.url else ''}"
        for source in sources
        if source is not None
    )


def availability(facts: Facts) -> str:
    hashes = "; ".join(f"{file.name} (SHA-256 {file.sha256})" for file in facts.files)
    return f"Software: edgeall, Apache-2.0. Model: {hashes}. Images are not part of it."


def input_values(facts: Facts) -> str:
    return usage.rule(facts.metadata)["input"]


def _values(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_values(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_values, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
