"""Names that try to be more than names: each for the kind of reader that it could deceive or break."""

NAMES = (
    # pages and their scripts
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "a & b; </title><b>&lt;",
    "{{ 7*7 }}{% for x in y %}",
    "](file:///etc/passwd)",
    "[a](javascript:alert(1))",
    # tables, front matter, spreadsheets
    "| a | b |",
    "---\nlicense: other\n---",
    "a\n```\n# forged\n",
    "a ``` b",
    "=HYPERLINK(1)",
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "\t=1+1",
    "\n=1+1",
    "\uff1d1+1",
    '"quoted","cells"',
    # terminals and lines
    "a\nTake this: b.onnx",
    "a\r\n\x1b[2K\x1b[31mred",
    "\x85next\x9b31mline\u2028more\u2029",
    "gnp.\u202eevitisop\u2066",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\U0001f52c\ufe0f\u200d",
    "n\u0303\u0323" * 40,
    # formulas of plots
    r"$\frac{1}{",
    "$a_$",
    r"\input{/etc/passwd}",
    # lengths, options, formats
    "x" * 4000,
    "--help",
    "%s%n{0}",
)
"""Each can be held by JSON and has no lone surrogate; file names that are not UTF-8 are tested apart."""


def usable(name: str) -> str:
    """A name as a file may have it."""
    return name.replace("/", "_").replace("\0", "_").encode()[:200].decode(errors="ignore")
