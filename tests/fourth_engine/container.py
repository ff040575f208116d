"""A network file of two lines: the network as JSON, then edgeall's metadata as JSON."""

import hashlib
from pathlib import Path

from edgeall.artifact.containers import Parts
from edgeall.errors import ArtifactError


class NumpyContainer:
    def split(self, path: Path) -> Parts:
        network, _, text = path.read_bytes().partition(b"\n")
        if not network.startswith(b'{"steps"'):
            raise ArtifactError(f"{path}: not a network of NumPy's")
        return Parts(hashlib.sha256(network).hexdigest(), text.decode() or None)

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        path.write_bytes(path.read_bytes() + b"\n" + text.encode())

    def files(self, path: Path) -> tuple[Path, ...]:
        return (path,)
