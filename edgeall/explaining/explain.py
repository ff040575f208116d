"""From a picture to its explanation."""

import time

from edgeall.artifact import Artifact
from edgeall.explaining.explanation import Explanation
from edgeall.explaining.faithfulness import doubts, faithfulness
from edgeall.explaining.occlusion import Occluded, evidence
from edgeall.field.answers import Classified
from edgeall.field.single_pictures import SinglePictures
from edgeall.field.sources import Found
from edgeall.pixels import ByteImage, Picture
from edgeall.runtimes import Session
from edgeall.values import dataclass


@dataclass(frozen=True)
class Explained:
    """The answer on a picture, as `classify` gives it, and the explanation.

    Attributes:
        picture: at the model's square.
        explanation: None for a picture that is refused.
    """

    answer: Classified
    picture: Picture
    explanation: Explanation | None


def explain(artifact: Artifact, session: Session, pixels: ByteImage) -> Explanation:
    """Measure which parts of a picture the model's answer rests on, and check the map. The same each time.

    Whether the picture would be refused is not asked here.

    Args:
        session: of the artifact, of any engine and batch.
        pixels: RGB bytes (size, size, 3), as `read_picture` gives them.

    Raises:
        EngineError: the engine failed.
    """
    start = time.perf_counter()
    occluded = Occluded(session, artifact.metadata.decision, pixels)
    grid, values = evidence(occluded)
    found = faithfulness(occluded, grid, values)
    milliseconds = (time.perf_counter() - start) * 1000.0
    return Explanation(
        grid, values, found, doubts(found, artifact.metadata.test), occluded.inferences, milliseconds
    )


def explain_picture(artifact: Artifact, session: Session, found: Found, *, force: bool = False) -> Explained:
    """Classify a picture file as `classify` does, and explain the answer.

    Args:
        force: give a verdict, and a map, on a picture that would be refused.

    Raises:
        ImageError: it cannot be read.
        EngineError: the engine failed.
    """
    way = SinglePictures(artifact, force)
    read = way.read(found)
    answer = way.answer(found.path, read, session)
    picture = read.checked.picture
    explanation = None if answer.verdict is None else explain(artifact, session, picture.pixels)
    return Explained(answer, picture, explanation)
