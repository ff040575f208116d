"""The map of evidence of a picture, as the page shows it."""

import base64
import io

from PIL import Image

from edgeall.errors import ImageError
from edgeall.explaining import explain_picture, heat_layer
from edgeall.explaining.drawing import SIDE
from edgeall.field import Classifier, Found
from edgeall.serving import types


def heat_map(classifier: Classifier, name: str, data: bytes) -> types.Explanation:
    """Explain the answer to a picture. It takes some hundred inferences.

    Raises:
        ImageError: it cannot be read, or is a whole field, which has no single answer.
        EngineError: the engine failed.
    """
    if classifier.cells:
        raise ImageError(f"{name}: whole fields have no map: it is of one answer")
    with classifier.session() as session:
        found = Found(name, name, data)
        explained = explain_picture(classifier.artifact, session, found, force=classifier.force)
    explanation = explained.explanation
    if explanation is None:
        return types.Explanation(False, list(explained.answer.doubts), 0.0, 0.0, None, explained.answer.ms)
    pixels = explained.picture.pixels
    picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR).convert("RGBA")
    out = io.BytesIO()
    Image.alpha_composite(picture, heat_layer(explanation, pixels)).convert("RGB").save(out, "PNG")
    return types.Explanation(
        explanation.holds,
        list(explanation.against),
        float(explanation.faithfulness.marked),
        float(explanation.faithfulness.random),
        base64.b64encode(out.getvalue()).decode(),
        explanation.ms,
    )
