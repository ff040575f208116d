"""What the gate found of an artifact, in the words of all commands. Field tier."""

from edgeall.artifact import Parity


def failed(parity: Parity) -> str:
    """ "FAILED on 66 images: AUC changes by ...": the outcome of one that failed, with its reasons."""
    return f"FAILED on {parity.n} images: {why(parity)}"


def unproven(parity: Parity) -> str:
    """ "unproven on 66 images: ...; about 310 images like these would decide"."""
    return f"unproven on {parity.n} images: {why(parity)}{_needed(parity)}"


def outcome(parity: Parity) -> str:
    """The outcome of any artifact; of one that passed without more words."""
    words = {"passed": f"passed on {parity.n} images", "failed": failed(parity), "unproven": unproven(parity)}
    return words[parity.word]


def why(parity: Parity) -> str:
    """The reasons; the figures of an artifact whose exporter did not yet record any."""
    return "; ".join(parity.reasons) or (
        f"decisions agree {parity.agreement:.1%}, mean |Δp| {parity.mean_abs_diff:.4f}"
    )


def _needed(parity: Parity) -> str:
    return "" if parity.needed is None else f"; about {parity.needed} images like these would decide"
