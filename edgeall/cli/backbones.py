"""`edgeall backbones`: lists the six backbones with each head."""

import argparse

from edgeall.cli.display import Display


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Trainable counts are what fine-tuning trains with each head: 'gap' the head and the upper layers, "
        "'paper' what the published comparison trained."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    from rich.table import Table

    from edgeall.training import BACKBONES, HEADS, parameter_table

    rows = parameter_table()
    table = Table("backbone", "head", "input", "preprocessing", box=None)
    for title in ("parameters", "trainable", "non-trainable"):
        table.add_column(title, justify="right")
    for row in rows:
        params = row["params"]
        assert isinstance(params, dict)
        table.add_row(
            BACKBONES[str(row["name"])].name,
            str(row["head"]),
            f"{row['input_size']} x {row['input_size']}",
            str(row["preprocessing"]),
            *(f"{params[key]:,}" for key in ("total", "trainable", "non_trainable")),
        )
    display.show(table)
    display.show("Heads: " + "; ".join(f"{head.name}: {head.description}" for head in HEADS.values()) + ".")
    display.emit(rows)
    return 0
