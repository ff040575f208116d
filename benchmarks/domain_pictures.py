"""Pictures that `domain.py` judges: cells, fields, drawn smears, photographs, pages, noise, plain colours."""

import csv
import io
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from edgeall.artifact import Domain
from edgeall.datasets import synthesize
from edgeall.domain.describing import Example, Measured, describe_measured, measure
from edgeall.pixels import ByteImage, Picture, read_picture

SIZE = 224

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png",
    "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg",
    "ihc.png", "microaneurysms.png", "moon.png", "motorcycle_left.png", "motorcycle_right.png",
    "retina.jpg", "rocket.jpg",
)  # fmt: skip
"""In scikit-image's wheel: everyday things, textures, astronomy, the retina, a histological section."""


@dataclass(frozen=True)
class Set:
    """Pictures with the label and the subject that `describe` takes; None where it is not known."""

    pictures: Sequence[Picture]
    labels: Sequence[str]
    subjects: Sequence[str | None]
    measured: Sequence[Measured]

    @classmethod
    def of(cls, pictures: Sequence[Picture], labels: Sequence[str], subjects: Sequence[str | None]) -> "Set":
        """Measured once, for all domains that they have a part in."""
        examples = map(Example, pictures, labels, subjects)
        return cls(pictures, labels, subjects, [measure(example) for example in examples])

    def __len__(self) -> int:
        return len(self.pictures)

    def those(self, chosen: Iterable[int]) -> "Set":
        """The pictures at these places."""
        places = list(chosen)
        every = self.pictures, self.labels, self.subjects, self.measured
        return Set(*([values[i] for i in places] for values in every))

    def domain(self) -> Domain:
        """The domain of a model of these images."""
        made = describe_measured(self.measured)
        assert made is not None
        return made


def without(cells: Set, person: str) -> Set:
    """Everybody else."""
    return cells.those(i for i, subject in enumerate(cells.subjects) if subject != person)


def of(cells: Set, person: str) -> Set:
    """One person's."""
    return cells.those(i for i, subject in enumerate(cells.subjects) if subject == person)


def read_cells(data: Path, size: int) -> Set:
    """C-NMC's cells by name."""
    paths = sorted(data.glob("cnmc/fold_0/*/*.jpg"))
    if not paths:
        sys.exit(f"{data}: no cnmc/fold_0/*/*.jpg there")
    people = [re.match(r"UID_(H?\d+)_", path.name) for path in paths]
    pictures = [read_picture(path, size) for path in paths]
    return Set.of(pictures, [path.parent.name for path in paths], [person and person[1] for person in people])


def read_fields(data: Path, size: int) -> Set:
    """BCCD's fields by number."""
    paths = sorted(data.glob("bccd/*.jp*g"))
    return Set.of([read_picture(path, size) for path in paths], ["field"] * len(paths), [None] * len(paths))


def read_drawn(size: int, seed: int = 0) -> Set:
    """Drawn smears by name."""
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder) / "smears", seed=seed)
        paths = sorted(Path(folder).glob("smears/im/*.jpg"))
        labels = [path.stem[-1] for path in paths]
        return Set.of([read_picture(path, size) for path in paths], labels, [None] * len(paths))


def white_cells(data: Path) -> dict[str, list[Picture]]:
    """White cells of BCCD, cut from their fields with a margin, as they are and as ellipses on black."""
    crops, cut = [], []
    with (data / "bccd-boxes.csv").open(newline="") as file:
        boxes = [row for row in csv.DictReader(file) if row["cell"] == "WBC"]
    for box in boxes:
        found = sorted(data.glob(f"bccd/{Path(box['image']).stem}.jp*g"))
        if not found:
            continue
        left, top, right, bottom = (int(float(box[key])) for key in ("xmin", "ymin", "xmax", "ymax"))
        half = 0.6 * max(right - left, bottom - top)
        across, down = (left + right) / 2, (top + bottom) / 2
        with Image.open(found[0]) as image:
            part = image.convert("RGB").crop(
                tuple(round(value) for value in (across - half, down - half, across + half, down + half))
            )
        crops.append(as_picture(part))
        mask = Image.new("L", part.size)
        edge = half - (right - left) / 2, half - (bottom - top) / 2
        ImageDraw.Draw(mask).ellipse((*edge, part.width - edge[0], part.height - edge[1]), fill=255)
        # C-NMC has its cells on a black square of three times their width.
        wide = Image.new("RGB", (2 * part.width, 2 * part.height))
        wide.paste(part, (part.width // 2, part.height // 2), mask)
        cut.append(as_picture(wide))
    return {
        "other laboratory: white cells of BCCD with what surrounds them": crops,
        "other laboratory: white cells of BCCD, ellipses on black": cut,
    }


def foreign_sets(photographs: Path | None) -> dict[str, list[Picture]]:
    """Pictures that are no blood."""
    rng = np.random.default_rng(3)
    flat = [np.broadcast_to(rng.integers(0, 256, 3), (SIZE, SIZE, 3)) for _ in range(100)]
    return {
        "noise": [bytes_picture(pixels) for pixels in noises(100)],
        "documents": [as_picture(page) for page in pages(120)],
        **({} if photographs is None else {"photographs": list(read_photographs(photographs))}),
        "black frame": [bytes_picture(np.zeros((SIZE, SIZE, 3)))],
        "white frame": [bytes_picture(np.full((SIZE, SIZE, 3), 255))],
        "frames of one colour": [bytes_picture(pixels) for pixels in flat],
        "nearly black frames": [
            bytes_picture(rng.integers(0, 3 + i // 10, (SIZE, SIZE, 3))) for i in range(100)
        ],
    }


def noises(count: int) -> Iterator[ByteImage]:
    """Uniform, normal of any colour, in blocks, and grey."""
    for index in range(count):
        rng = np.random.default_rng([9, index])
        colour, depth = rng.uniform(20, 230, 3), rng.uniform(10, 60)
        yield (
            rng.integers(0, 256, (SIZE, SIZE, 3)),
            rng.normal(colour, depth, (SIZE, SIZE, 3)),
            rng.integers(0, 256, (SIZE // 8, SIZE // 8, 3)).repeat(8, 0).repeat(8, 1),
            rng.normal(128, depth, (SIZE, SIZE, 1)).repeat(3, 2),
        )[index % 4]


def pages(count: int) -> Iterator[Image.Image]:
    """Pages of writing, ruled and squared paper, and both."""
    for index in range(count):
        rng = np.random.default_rng([7, index])
        paper = tuple(int(value) for value in 255 - rng.integers(0, 30) - rng.integers(0, 12, 3))
        page = Image.new("RGB", (900, 1200), paper)
        pen = ImageDraw.Draw(page)
        if index % 3 != 0:
            step, rule = int(rng.integers(30, 80)), tuple(int(value) for value in rng.integers(90, 220, 3))
            for y in range(60, 1150, step):
                pen.line([(50, y), (850, y)], fill=rule, width=2)
            for x in range(50, 860, step) if rng.random() < 0.5 else ():
                pen.line([(x, 60), (x, 1150)], fill=rule, width=2)
        if index % 3 != 1:
            write(pen, rng)
        yield page


def write(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Words of strokes, in lines."""
    ink, y = (int(rng.integers(0, 90)),) * 3, 80
    while y < 1120:
        x = 80
        while x < 820:
            end = min(x + int(rng.integers(15, 90)), 820)
            for left in range(x, end, 12):
                pen.line([(left, y), (left + int(rng.integers(-5, 6)), y + int(rng.integers(8, 18)))], ink, 3)
                pen.line([(left, y + 9), (left + 7, y + int(rng.integers(0, 18)))], ink, 2)
            x = end + 14
        y += int(rng.integers(26, 60))


def read_photographs(folder: Path) -> Iterator[Picture]:
    """Each photograph whole and in quarters."""
    for name in PHOTOGRAPHS:
        with Image.open(folder / name) as opened:
            image = opened.convert("RGB")
        across, down = image.width // 2, image.height // 2
        yield as_picture(image)
        for left in (0, across):
            for top in (0, down):
                yield as_picture(image.crop((left, top, left + across, top + down)))


def as_picture(image: Image.Image) -> Picture:
    """As classification reads it from a file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return read_picture(file.getvalue(), SIZE)


def bytes_picture(pixels: np.ndarray) -> Picture:
    """A picture of any numbers."""
    return Picture(np.clip(pixels, 0, 255).astype(np.uint8), (SIZE, SIZE))
