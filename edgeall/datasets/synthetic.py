"""A synthetic dataset, for trying the software only: smears in ALL-IDB1's layout, or single cells in ALL-IDB2's.

Every image has `SYNTHETIC_MARK` as its JPEG comment, so that `read_dataset` adds " (synthetic)" to the layout's name,
and every figure made on such images shows it.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeall import __version__, files
from edgeall.datasets.dataset import SYNTHETIC_MARK, carries_mark
from edgeall.datasets.smear import MIN_CELL_SIDE, MIN_SIDE, draw_cell, draw_smear
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress


@dataclass(frozen=True)
class Pictures:
    """What a set shows, after a published one.

    Attributes:
        name: in words.
        folder: of the images.
        healthy, leukaemia: number of images of each class in the published set.
        size: width and height, in pixels.
        least: least side, in pixels.
        layout: names of the files, in words.
    """

    name: str
    folder: str
    healthy: int
    leukaemia: int
    size: tuple[int, int]
    least: int
    layout: str


FIELDS = Pictures(
    "blood smears", "im", 59, 49, (1296, 972), MIN_SIDE,
    "ALL-IDB1: im/ImNNN_Y.jpg with Y = 1 for leukaemia (blasts present) and 0 for healthy;\n"
    'xyc/ImNNN_Y.xyc has the centre of each blast as "x y" in pixels, one a line, and is empty for a healthy image.',
)  # fmt: skip
"""Whole fields as in ALL-IDB1, of half the width and height of its larger camera."""

CELLS = Pictures(
    "blood cells", "img", 130, 130, (257, 257), MIN_CELL_SIDE,
    "ALL-IDB2: img/ImNNN_Y.jpg with Y = 1 for a blast and 0 for another white cell.",
)  # fmt: skip
"""Single white cells as in ALL-IDB2."""

_README = """{title}
{line}

These {count} images were drawn by edgeall {version} (seed {seed}, {healthy} healthy, {leukaemia} leukaemia,
{width} x {height} pixels). They come from no patient, slide or camera, and are for trying the software only.

A figure measured on them shows that the software works. It is no evidence about leukaemia, and must not be
quoted as an accuracy of detecting it.

Layout and names are those of {layout}
The comment of each JPEG marks it as synthetic.
"""


def synthesize(
    out: AnyPath,
    *,
    cells: bool = False,
    seed: int = 0,
    healthy: int | None = None,
    leukaemia: int | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Draw `healthy` + `leukaemia` images of `size` (width, height) into the folder `out`, whole or not at all.

    The images are smear fields as `FIELDS`, or with `cells` single white cells as `CELLS`, which also give the numbers
    and the size that are not given.

    The same arguments give the same bytes on any number of cores, because each image has its own random generator,
    spawned from `seed`. The order of the classes is random, so that an image's number does not reveal its class.

    Returns:
        `out`.

    Raises:
        UsageError: a negative seed, no images of a class, images too small, `out` exists and not `overwrite`, or it has
            other files than a synthetic dataset.
    """
    out = Path(out)
    pictures = CELLS if cells else FIELDS
    healthy = pictures.healthy if healthy is None else healthy
    leukaemia = pictures.leukaemia if leukaemia is None else leukaemia
    size = size or pictures.size
    if seed < 0:
        raise UsageError(f"seed {seed}: give 0 or more")
    if healthy < 1 or leukaemia < 1:
        raise UsageError("a dataset needs at least one healthy and one leukaemia image")
    if min(size) < pictures.least or max(size) > 8 * min(size):
        raise UsageError(
            f"images of {size[0]} x {size[1]} pixels cannot be drawn: each side needs {pictures.least} pixels or "
            "more, and the longer one at most 8 times the shorter"
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
        (part / pictures.folder).mkdir()
        if not cells:
            (part / "xyc").mkdir()

        def draw(index: int) -> None:
            draw_picture = draw_cell if cells else draw_smear
            smear = draw_picture(np.random.default_rng(streams[index]), classes[index] == 1, size)
            comment = SYNTHETIC_MARK + f" {names[index]}, seed {seed}: drawn, not photographed".encode()
            Image.fromarray(smear.pixels).save(
                part / pictures.folder / f"{names[index]}.jpg", quality=92, comment=comment
            )
            if not cells:
                centres = "".join(f"{x} {y}\n" for x, y in smear.blasts)
                (part / "xyc" / f"{names[index]}.xyc").write_text(centres, encoding="ascii")

        with (
            progress.stage(f"Drawing {pictures.name}", len(names)) as advance,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            for _ in pool.map(draw, range(len(names))):
                advance(1)
        title = f"Synthetic {pictures.name}"
        (part / "README.txt").write_text(
            _README.format(
                title=title,
                line="=" * len(title),
                layout=pictures.layout,
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
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {"im", "img", "xyc", "README.txt"}:
        return False
    images = [
        path for part in ("im", "img") if (folder / part).is_dir() for path in (folder / part).iterdir()
    ]
    return bool(images) and all(carries_mark(path) for path in images)
