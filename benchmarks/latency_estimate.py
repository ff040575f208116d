"""How wrong estimated latencies are: each published network left out in turn, and estimated from the others.

    make latency-estimate                          # the table of benchmarks/results, at once

edgeall estimates the latency of an emulated Raspberry Pi from instructions counted
(`edgeall/benching/latency_estimate.py`). No real board was measured here: estimates are compared with latencies that
XNNPACK and Arm published. Both precisions of a network are left out together. The counts are those of
`benchmarks/published_networks.py`, with LiteRT's XNNPACK kernels. Arm's latencies are ExecuTorch's with another version
of that library, and for one network with KleidiAI's kernels.

An error of +100% is an estimate of twice the published latency, one of -50% of half of it. "Factor" is how many times
too long or too short the estimate is. "Within" tells whether the published latency lies in the 90% range that the
others give.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from edgeall.benching import latency_estimate as estimates
from edgeall.benching.latency_estimate import BOARDS, PUBLISHED, Published
from edgeall.markdown_table import table

TITLE = "Estimated latencies beside published ones"
DOUBTFUL = "GoogLeNet"
"""Of which it is doubtful that all cores worked."""


def left_out(one: Published, among: Sequence[Published]) -> tuple[float, bool]:
    """The estimate of a latency without its network, in milliseconds, and whether the range holds the published one."""
    others = [each for each in among if each.network != one.network]
    known = estimates.alike(one.processor, int8=one.int8, among=others)
    middle = estimates.latency_ms(one.instructions, one.processor, known)
    factor = estimates.spread(others, len(known))
    return middle, middle / factor <= one.latency_ms <= middle * factor


def without_precision(one: Published, among: Sequence[Published]) -> float:
    """The same from the others of its board in both precisions."""
    known = [each for each in among if each.processor == one.processor and each.network != one.network]
    return estimates.latency_ms(one.instructions, one.processor, known)


def factor(estimated: float, published: float) -> float:
    """How many times too long or too short: 1 or more."""
    return math.exp(abs(math.log(estimated / published)))


def networks(among: Sequence[Published]) -> str:
    """The table of all latencies."""
    rows = []
    for one in among:
        middle, within = left_out(one, among)
        rows.append(
            [
                f"{BOARDS[one.processor].name}, {one.model}",
                f"{one.instructions / 1e6:.1f}",
                f"{one.per_cycle:.2f}",
                f"{one.latency_ms:.2f}",
                f"{middle:.2f}",
                f"{100 * (middle / one.latency_ms - 1):+.0f}%",
                f"{factor(middle, one.latency_ms):.2f}",
                "yes" if within else "no",
            ]
        )
    head = [
        *("board, network", "million instructions", "a cycle and core", "published ms", "estimated ms"),
        *("error", "factor", "within"),
    ]
    return table(head, rows)


def summaries(among: Sequence[Published]) -> str:
    """Median and worst factors, by board and precision, and of both ways to take the mean."""
    plain = [each for each in among if each.network != DOUBTFUL]
    kinds = {
        f"{board.name}, {'INT8' if int8 else 'float32'}": estimates.alike(processor, int8=int8, among=among)
        for processor, board in BOARDS.items()
        for int8 in (False, True)
    }
    rows = []
    for name, ones, known in [
        *((name, ones, among) for name, ones in kinds.items()),
        ("all", list(among), among),
        (f"all without {DOUBTFUL}", plain, plain),
    ]:
        found = [left_out(one, known) for one in ones]
        factors = [factor(middle, one.latency_ms) for (middle, _), one in zip(found, ones, strict=True)]
        worst = max(range(len(ones)), key=factors.__getitem__)
        joint = [factor(without_precision(one, known), one.latency_ms) for one in ones]
        rows.append(
            [
                name,
                str(len(ones)),
                f"{median(factors):.2f}",
                f"{factors[worst]:.2f}",
                ones[worst].model,
                f"{sum(within for _, within in found)} of {len(found)}",
                f"{median(joint):.2f}",
                f"{max(joint):.2f}",
            ]
        )
    head = [
        *("latencies", "n", "median factor", "worst", "of", "within their range"),
        *("median, one mean for both precisions", "worst, so"),
    ]
    return table(head, rows)


def ranges(among: Sequence[Published]) -> str:
    """By what the printed range multiplies and divides."""
    plain = [each for each in among if each.network != DOUBTFUL]
    rows = []
    for processor, board in BOARDS.items():
        for int8 in (False, True):
            count = len(estimates.alike(processor, int8=int8, among=among))
            fewer = len(estimates.alike(processor, int8=int8, among=plain))
            rows.append(
                [
                    f"{board.name}, {'INT8' if int8 else 'float32'}",
                    str(count),
                    f"{estimates.spread(among, count):.2f}",
                    f"{estimates.spread(plain, fewer):.2f}",
                ]
            )
    head = ["board, precision", "networks", "range: times and divided by", f"without {DOUBTFUL}"]
    return table(head, rows)


def doubts(among: Sequence[Published]) -> str:
    """What the published figures leave open."""
    cores = BOARDS["cortex-a76"].cores
    of_pi5 = [each for each in among if each.processor == "cortex-a76"]
    alone = sorted(cores * each.per_cycle for each in of_pi5 if each.network == DOUBTFUL)
    others = min(cores * each.per_cycle for each in of_pi5 if each.network != DOUBTFUL)
    return f"""- Arm does not tell how many threads worked. With one, all networks but {DOUBTFUL} would be at
  {others:.1f} or more instructions a cycle. A Cortex-A76 decodes 4, so it was several.
  {DOUBTFUL} would be at {alone[0]:.1f} and {alone[-1]:.1f}, which one thread can be.
  Nothing published settles it, so {DOUBTFUL} stays among the others and widens the range.
- Arm names some of its latencies "end to end", and does not tell whether pictures are decoded in them.
- No float32 latency of ResNet50 on a Pi 5 was found. 90.8 ms, which edgeall took for it before, is {DOUBTFUL}'s. That
  of ResNet18 is given as a ratio to a baseline whose kernels are not told; it is left out.
- The networks published for the Pi 4 are MobileNets alone. Their scatter says little of other networks, so that the
  range is that of the Pi 5's.
- WideResNet50-2 was counted on pictures of 32 of 224 rows, and the count multiplied by 7. That is somewhat too many,
  because tiles that are not full are computed whole: of ResNet18 INT8, counted both ways, by 2%. Of float32 it was not
  checked.
"""


def document() -> str:
    """The whole page."""
    sources = dict.fromkeys(f"- {each.source}." for each in PUBLISHED)
    return "\n".join(
        [
            f"# {TITLE}",
            "",
            (__doc__ or "").strip(),
            "",
            *("## Each network left out", "", networks(PUBLISHED), ""),
            *("## Errors", "", summaries(PUBLISHED), ""),
            *("## The range that edgeall prints", "", ranges(PUBLISHED), ""),
            *("## Doubts", "", doubts(PUBLISHED)),
            *("## Sources", "", *sources, ""),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the page there too")
    arguments = parser.parse_args()
    text = document()
    sys.stdout.write(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
