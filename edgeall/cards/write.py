"""Cards to files: one folder an artifact."""

import json
from collections.abc import Sequence
from pathlib import Path

from edgeall import files
from edgeall.cards.checklist import Checklist, render
from edgeall.cards.claim_2024 import CLAIM_2024
from edgeall.cards.facts import Facts
from edgeall.cards.ml_bom import ml_bom
from edgeall.cards.model_card import model_card
from edgeall.cards.tripod_ai import TRIPOD_AI
from edgeall.errors import UsageError
from edgeall.files import AnyPath

MODEL_CARD = "README.md"
BOM = "bom.cdx.json"
CHECKLISTS: tuple[Checklist, ...] = (TRIPOD_AI, CLAIM_2024)


def texts(facts: Facts) -> dict[str, str]:
    """The content of each file of an artifact's cards, by name."""
    return {
        MODEL_CARD: model_card(facts),
        BOM: json.dumps(ml_bom([facts]), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        **{checklist.file: render(checklist, facts) for checklist in CHECKLISTS},
    }


def write_cards(every: Sequence[Facts], folder: AnyPath, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write a folder for each artifact, named as its file is, into `folder`; returns the folders.

    Raises:
        UsageError: two artifacts have one name, or a folder exists and not `overwrite`.
        FileError: it cannot be written.
    """
    places: dict[Path, Facts] = {}
    for facts in every:
        place = Path(folder) / facts.name
        if (other := places.setdefault(place, facts)) is not facts:
            raise UsageError(
                f"{other.artifact.path} and {facts.artifact.path}: both cards would be {place}; make them apart"
            )
        files.refuse_overwrite(place, overwrite)
    ready = {place: texts(facts) for place, facts in places.items()}
    for place, contents in ready.items():
        with files.replacing_folder(place, overwrite) as part:
            for name, text in contents.items():
                (part / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(places)
