"""Whether an artifact has golden answers that this edgeall can check. It draws nothing, and imports little."""

from edgeall.artifact import Artifact

REVISION = 1
"""Of the drawing. A change of a single byte of a picture needs the next number: artifacts name theirs."""


def uncheckable(artifact: Artifact) -> str | None:
    """Why an artifact's engine cannot be checked, and the way out; None where it can."""
    golden = artifact.metadata.golden
    if golden is None:
        return (
            f"{artifact.path}: carries no golden answers (made by an older edgeall), so that its engine cannot be "
            "checked; export it again"
        )
    if golden.revision != REVISION:
        remedy = "update edgeall" if golden.revision > REVISION else "export it again"
        return (
            f"{artifact.path}: its golden answers are to pictures of revision {golden.revision}, this edgeall draws "
            f"revision {REVISION}: {remedy}"
        )
    classes = len(artifact.metadata.decision.labels)
    if len(golden.probabilities[0]) != classes:
        return (
            f"{artifact.path}: its golden answers are of {len(golden.probabilities[0])} classes, not of {classes}; "
            "export it again"
        )
    return None
