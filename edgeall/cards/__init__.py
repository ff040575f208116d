"""Cards of artifacts, made from what an artifact, its run and its bench results say, and from nothing else.

Each artifact gets a Hugging Face model card, a CycloneDX ML-BOM, and the checklists TRIPOD+AI and CLAIM 2024. No figure
stands on a card without its n and its interval, or why it has none.
"""

from edgeall.cards.facts import Facts
from edgeall.cards.gather import gather
from edgeall.cards.ml_bom import Software, ml_bom
from edgeall.cards.write import texts, write_cards

__all__ = ["Facts", "Software", "gather", "ml_bom", "texts", "write_cards"]
