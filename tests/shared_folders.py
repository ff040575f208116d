"""What is slow to make is made once a test session, by whichever of its processes needs it first."""

import shutil
from collections.abc import Callable
from pathlib import Path

from edgeall import files

Share = Callable[[str, Callable[[Path], object]], Path]
"""(name, make) to a folder of that name: `make(folder)` is called where no process has done so. To be read only."""


def sharing(root: Path) -> Share:
    """Folders below `root`, which all processes of the session have in common."""

    def share(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with files.alone(root / f"{name}.lock", lambda: None):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                make(folder)
                done.touch()
        return folder

    return share
