"""A set of drawn smears in ALL-IDB1's layout and names, to try everything with and to prove nothing by.

Every image carries `SYNTHETIC_MARK` as its JPEG comment, so that `read_dataset` marks the layout's name, and with it
every figure made on such images, wherever they are copied to.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from edgeall import __version__, files
from edgeall.datasets.dataset import SYNTHETIC_MARK, carries_mark
from edgeall.datasets.smear import MIN_SIDE, draw_smear
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress

HEALTHY, LEUKAEMIA = 59, 49
"""Images of each class in ALL-IDB1."""

SIZE = (1296, 972)
"""Width and height: half of ALL-IDB1's larger camera."""

_README = """Synthetic blood smears
======================

These {count} images were drawn by edgeall {version} (seed {seed}, {healthy} healthy, {leukaemia} leukaemia,
{width} x {height} pixels). No patient, no slide and no camera is behind them. They are there to try the tool with.

A figure measured on them says that the software works. It says nothing about leukaemia, and must not be
quoted as an accuracy of detecting it.

Layout and names are those of ALL-IDB1: im/ImNNN_Y.jpg with Y = 1 for leukaemia (blasts present) and 0 for healthy;
xyc/ImNNN_Y.xyc holds the centre of each blast as "x y" in pixels, one a line, and is empty for a healthy image.
Each JPEG says in its comment that it is synthetic.
"""


def synthesize(
    out: AnyPath,
    *,
    seed: int = 0,
    healthy: int = HEALTHY,
    leukaemia: int = LEUKAEMIA,
    size: tuple[int, int] = SIZE,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Draw `healthy` + `leukaemia` smears of `size` (width, height) into the folder `out`, whole or not at all.

    Same arguments, same bytes, on any number of cores: each image has a generator of its own, spawned from `seed`.
    The classes come in a seeded random order, so that an image's number does not tell its class.

    Returns:
        `out`.

    Raises:
        UsageError: no images of a class asked for, images too small, `out` is there and `overwrite` was not given,
            or it holds anything but a drawn set.
    """
    out = Path(out)
    if healthy < 1 or leukaemia < 1:
        raise UsageError("a set needs at least one healthy and one leukaemia image")
    if min(size) < MIN_SIDE or max(size) > 8 * min(size):
        raise UsageError(
            f"{size[0]} x {size[1]} is no field of view: each side needs {MIN_SIDE} pixels or more"
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        files.refuse_overwrite(out, overwrite)
        if not _drawn_here(out):
            raise UsageError(
                f"{out}: holds more than a synthetic set, and is not replaced; give another name"
            )
    order, *streams = np.random.SeedSequence(seed).spawn(1 + healthy + leukaemia)
    classes = np.random.default_rng(order).permutation(np.repeat([0, 1], [healthy, leukaemia])).tolist()
    names = [f"Im{index:03d}_{label}" for index, label in enumerate(classes, start=1)]
    with files.replacing_folder(out, overwrite=True) as part:
        (part / "im").mkdir()
        (part / "xyc").mkdir()

        def draw(index: int) -> None:
            smear = draw_smear(np.random.default_rng(streams[index]), classes[index] == 1, size)
            comment = SYNTHETIC_MARK + f" {names[index]}, seed {seed}: drawn, not photographed".encode()
            Image.fromarray(smear.pixels).save(
                part / "im" / f"{names[index]}.jpg", quality=92, comment=comment
            )
            centres = "".join(f"{x} {y}\n" for x, y in smear.blasts)
            (part / "xyc" / f"{names[index]}.xyc").write_text(centres, encoding="ascii")

        with (
            progress.stage("Drawing smears", len(names)) as advance,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            for _ in pool.map(draw, range(len(names))):
                advance(1)
        (part / "README.txt").write_text(
            _README.format(
                count=len(names),
                version=__version__,
                seed=seed,
                healthy=healthy,
                leukaemia=leukaemia,
                width=size[0],
                height=size[1],
            ),
            encoding="utf-8",
        )
    return out


def _drawn_here(folder: Path) -> bool:
    """Whether a folder holds a drawn set and nothing else: all else might be somebody's only copy."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {"im", "xyc", "README.txt"}:
        return False
    images = [*(folder / "im").iterdir()] if (folder / "im").is_dir() else []
    return bool(images) and all(carries_mark(path) for path in images)
