"""Sealed artifacts of the 32-pixel network in three formats, as material for damage."""

from pathlib import Path

from shared_folders import sharing
from small_models import FORMATS, SmallModel, small_model

from edgeall.artifact import Artifact


def tiny_model(place: Path) -> SmallModel:
    """The network, made once below `place` unless EDGEALL_TEST_MODELS has it."""
    return small_model("tiny", sharing(place / "models"))


def sound_artifacts(place: Path) -> list[Artifact]:
    """INT8 artifacts at `place`, one a format."""
    tiny = tiny_model(place)
    return [tiny.sealed(f"{format}-int8", place, f"sound-{format}") for format in FORMATS]
