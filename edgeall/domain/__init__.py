"""Which pictures a model was made for: described from training images, carried in the artifact, judged in the field.

A classifier gives a confident answer to any picture. The domain tells pictures that it was made for from others, by
figures of the picture alone: no model is run.

`judging` and `wording` are what a field device needs; `describing` makes a description, from many pictures.
"""

from edgeall.artifact.domain import Domain
from edgeall.domain.judging import unlike
from edgeall.domain.wording import in_words

__all__ = ["Domain", "in_words", "unlike"]
