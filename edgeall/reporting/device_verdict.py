"""The verdict on a device: which artifact to take there and why, what is not known, what the others are worth.

A pure function of the results: the same results, the same words. `edgeall.recommending` decides and gives the reasons.
"""

from dataclasses import asdict, dataclass
from typing import Literal

from edgeall.recommending import Recommendation, recommend
from edgeall.recommending.measured import mixed_pretraining
from edgeall.reporting import caveats, corruption_findings, findings
from edgeall.results import Bench, JsonObject

Kind = Literal["recommendation", "unknown", "warning", "backbones", "int8", "robustness", "extremes", "limit"]

HEADINGS: dict[Kind, str] = {
    "warning": "Beware",
    "backbones": "What the costlier backbone is worth",
    "int8": "What INT8 is worth",
    "robustness": "What corrupted pictures do",
    "extremes": "Extremes",
    "limit": "What these figures cannot say",
}
"""Headings of what stands beside the recommendation."""


@dataclass(frozen=True)
class Statement:
    """One finding, in one or more sentences."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class DeviceVerdict:
    """Of one device.

    Attributes:
        recommendation: without limits.
        statements: of kind "recommendation" what to take and because of what, of kind "unknown" what is not known;
            then those of `HEADINGS`.
        pretraining: who was pretrained and who was not, where backbones differ in it; else "".
    """

    recommendation: Recommendation
    statements: tuple[Statement, ...]
    pretraining: str = ""

    @property
    def device(self) -> str:
        return self.recommendation.bench.device

    @property
    def artifact(self) -> str | None:
        """What is recommended; None where nothing can be."""
        chosen = self.recommendation.chosen
        return None if chosen is None else chosen.artifact

    @property
    def threads(self) -> int | None:
        """With how many threads."""
        chosen = self.recommendation.chosen
        return None if chosen is None else chosen.threads

    def of(self, kind: Kind) -> list[str]:
        """Texts of the statements of a kind."""
        return [statement.text for statement in self.statements if statement.kind == kind]

    def heading(self, kind: Kind) -> str:
        """Of a section. Where one backbone was pretrained and another not, it says so."""
        mixed = f" ({self.pretraining})" if kind == "backbones" and self.pretraining else ""
        return HEADINGS[kind] + mixed

    def to_dict(self) -> JsonObject:
        chosen = None if self.artifact is None else {"artifact": self.artifact, "threads": self.threads}
        return {
            "device": self.device,
            "recommended": chosen,
            "statements": [asdict(statement) for statement in self.statements],
        }


def judge(bench: Bench) -> DeviceVerdict:
    """Put a device's results into words."""
    recommendation = recommend(bench)
    take = recommendation.take
    found: list[tuple[Kind, list[str]]] = [
        ("recommendation", [f"{take[:1].upper()}{take[1:]}" if recommendation.chosen is None else take]),
        ("recommendation", list(recommendation.because)),
        ("unknown", list(recommendation.not_known)),
    ]
    if bench.results:
        quantized = list(findings.int8(bench))
        corrupted = list(corruption_findings.robustness(bench))
        found += [
            (
                "warning",
                [text for warned, text in (*quantized, *corrupted) if warned] + caveats.warnings(bench),
            ),
            ("backbones", findings.trade_offs(bench)),
            ("int8", [text for warned, text in quantized if not warned]),
            ("robustness", [text for warned, text in corrupted if not warned]),
            ("extremes", findings.extremes(bench)),
            ("limit", caveats.limits(bench)),
        ]
    else:
        found.append(("warning", caveats.warnings(bench)))
    statements = tuple(Statement(kind, text) for kind, texts in found for text in texts)
    return DeviceVerdict(recommendation, statements, mixed_pretraining(bench, bench.results))
