"""A map of evidence over its picture, with a legend."""

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgeall.artifact import Decision
from edgeall.cells.drawing import font
from edgeall.explaining.explanation import Explanation
from edgeall.explaining.occlusion import blended
from edgeall.explaining.region import cell_of
from edgeall.pixels import ByteImage

FOR, AGAINST = (213, 94, 0), (0, 114, 178)
"""Colours of evidence for and against a positive label: vermilion and blue, which people with red-green colour
blindness tell apart too (Okabe and Ito, "Color Universal Design", 2008)."""

SIDE = 480
"""Side of each of the two pictures, in pixels."""

NOT_AN_EXPLANATION = "NOT AN EXPLANATION"

_OPAQUE = 0.8
"""Opacity of the strongest evidence, in [0, 1]."""


_LETTERS, _MARGIN = 15, 12
"""Height of letters, and space about the pictures, in pixels."""

_LONGEST = 60
"""Most characters of a label."""


def heat_layer(explanation: Explanation, pixels: ByteImage, side: int = SIDE) -> Image.Image:
    """The map as a transparent picture (RGBA, side x side), to be laid over the model's square.

    `FOR` and `AGAINST` tell the sign, opacity the amount, relative to the picture's strongest evidence.

    Args:
        pixels: RGB bytes (size, size, 3) that are explained.
    """
    evidence = np.where(cell_of(pixels), blended(explanation.values, explanation.grid), 0.0)
    strongest = max(float(np.abs(evidence).max()), 1e-9)
    layer = np.empty((*evidence.shape, 4), np.uint8)
    layer[..., :3] = np.where((evidence > 0)[..., None], FOR, AGAINST)
    layer[..., 3] = np.rint(np.abs(evidence) / strongest * 255 * _OPAQUE)
    return Image.fromarray(layer, "RGBA").resize((side, side), Image.Resampling.BILINEAR)


def draw(explanation: Explanation, pixels: ByteImage, decision: Decision) -> Image.Image:
    """The picture as the model reads it, beside it the same with the map, and a legend below.

    Args:
        pixels: RGB bytes (size, size, 3) that are explained.
        decision: whose positive labels the legend names.
    """
    letters = font(_LETTERS)
    width = 2 * SIDE + 3 * _MARGIN
    notes = [line for text in _notes(explanation) for line in textwrap.wrap(text, 120)]
    line = _LETTERS + 7
    page = Image.new("RGB", (width, SIDE + 3 * _MARGIN + line * (2 + len(notes))), "white")
    picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    page.paste(picture, (_MARGIN, _MARGIN))
    heated = Image.alpha_composite(picture.convert("RGBA"), heat_layer(explanation, pixels))
    page.paste(heated.convert("RGB"), (2 * _MARGIN + SIDE, _MARGIN))
    pen, y = ImageDraw.Draw(page), SIDE + 2 * _MARGIN
    if not explanation.holds:
        _cross_out(pen, (2 * _MARGIN + SIDE, _MARGIN), letters)
    names = _shown(" or ".join(f'"{label}"' for label in decision.positive))
    for colour, words in ((FOR, f"speaks for {names}"), (AGAINST, f"speaks against {names}")):
        pen.rectangle((_MARGIN, y + 2, _MARGIN + 28, y + _LETTERS + 2), fill=colour)
        pen.text((_MARGIN + 38, y), words, fill="black", font=letters)
        y += line
    for note in notes:
        pen.text((_MARGIN, y), note, fill="black", font=letters)
        y += line
    return page


def _notes(explanation: Explanation) -> Sequence[str]:
    known = explanation.values[np.isfinite(explanation.values)]
    strongest = float(np.abs(known).max()) if known.size else 0.0
    found = explanation.faithfulness
    return (
        f"Full colour: {strongest:.2f} log-odds for a patch of 2 x 2 tiles. Without the tenth marked most important "
        f"the log-odds change by {found.marked:.2f}, without a random tenth by {found.random:.2f}.",
        *(f"{NOT_AN_EXPLANATION}: {why}." for why in explanation.against),
        "Research use only, not a medical device.",
    )


def _cross_out(pen: ImageDraw.ImageDraw, corner: tuple[int, int], letters: ImageFont.ImageFont) -> None:
    left, top = corner
    pen.line((left, top, left + SIDE, top + SIDE), fill="white", width=4)
    pen.line((left, top + SIDE, left + SIDE, top), fill="white", width=4)
    box = pen.textbbox((0, 0), NOT_AN_EXPLANATION, font=letters)
    pen.rectangle((left, top, left + box[2] + 16, top + box[3] + 14), fill="black")
    pen.text((left + 8, top + 6), NOT_AN_EXPLANATION, fill="white", font=letters)


def _shown(text: str) -> str:
    """Text that any font can draw: other letters become escapes."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return short.encode("latin-1", "backslashreplace").decode("latin-1")
