"""Anneal: what the package of this name on the package index says that it is, and whether it knows ONNX files."""

from importlib import metadata
from pathlib import Path

from contract import Refused, Task, answer


def make(task: Task) -> None:
    package = metadata.distribution("anneal")
    sources = [Path(package.locate_file(file)) for file in package.files or () if str(file).endswith(".py")]
    knows = sum("onnx" in source.read_text(encoding="utf-8").lower() for source in sources)
    raise Refused(
        f'anneal {package.version} is "{package.metadata["Summary"]}": a library of simulated annealing; '
        f"{knows} of its {len(sources)} Python modules mention ONNX, and it gives no advice on a model file"
    )


answer(make)
