"""A dataset of synthetic smears in ALL-IDB1's layout and names, for trying the software only.

Every image has `SYNTHETIC_MARK` as its JPEG comment, so that `read_dataset` adds " (synthetic)" to the layout's name,
and every figure made on such images shows it.
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
{width} x {height} pixels). They come from no patient, slide or camera, and are for trying the software only.

A figure measured on them shows that the software works. It is no evidence about leukaemia, and must not be
quoted as an accuracy of detecting it.

Layout and names are those of ALL-IDB1: im/ImNNN_Y.jpg with Y = 1 for leukaemia (blasts present) and 0 for healthy;
xyc/ImNNN_Y.xyc has the centre of each blast as "x y" in pixels, one a line, and is empty for a healthy image.
The comment of each JPEG marks it as synthetic.
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

    The same arguments give the same bytes on any number of cores, because each image has its own random generator,
    spawned from `seed`. The order of the classes is random, so that an image's number does not reveal its class.

    Returns:
        `out`.

    Raises:
        UsageError: no images of a class, images too small, `out` exists and not `overwrite`, or it has other files
            than a synthetic dataset.
    """
    out = Path(out)
    if healthy < 1 or leukaemia < 1:
        raise UsageError("a dataset needs at least one healthy and one leukaemia image")
    if min(size) < MIN_SIDE or max(size) > 8 * min(size):
        raise UsageError(
            f"images of {size[0]} x {size[1]} pixels cannot be drawn: each side needs {MIN_SIDE} pixels or more, and "
            "the longer one at most 8 times the shorter"
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        files.refuse_overwrite(out, overwrite)
        if not _drawn_here(out):
            raise UsageError(
                f"{out}: has other files than a synthetic dataset, and is not replaced; give another name"
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
    """Whether a folder has a synthetic dataset and nothing else. Other files must not be lost."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {"im", "xyc", "README.txt"}:
        return False
    images = [*(folder / "im").iterdir()] if (folder / "im").is_dir() else []
    return bool(images) and all(carries_mark(path) for path in images)
