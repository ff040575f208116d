"""The outcome of the parity gate in words, for all commands. Field tier."""

from edgeall.artifact import Parity


def failed(parity: Parity) -> str:
    """The outcome of a failed artifact, with its reasons: "FAILED on 66 images: AUC changes by ..."."""
    return f"FAILED on {parity.n} images: {why(parity)}"


def unproven(parity: Parity) -> str:
    """The outcome of an unproven artifact: "unproven on 66 images: ...; about 310 images like these would decide"."""
    return f"unproven on {parity.n} images: {why(parity)}{_needed(parity)}"


def outcome(parity: Parity) -> str:
    """The outcome of any artifact, with reasons unless it passed."""
    words = {"passed": f"passed on {parity.n} images", "failed": failed(parity), "unproven": unproven(parity)}
    return words[parity.word]


def why(parity: Parity) -> str:
    """The reasons; for an artifact of an older version without any, its figures."""
    return "; ".join(parity.reasons) or (
        f"decisions agree {parity.agreement:.1%}, mean |Δp| {parity.mean_abs_diff:.4f}"
    )


def _needed(parity: Parity) -> str:
    return "" if parity.needed is None else f"; about {parity.needed} images like these would decide"
