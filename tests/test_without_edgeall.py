"""The programs on docs/without-edgeall.md, run as they are written, answer as edgeall does on the same pictures."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from small_models import FORMATS, SmallModel

from edgeall.artifact import Artifact, Decision
from edgeall.exporting import load_recipe, model_io, tflite
from edgeall.exporting.exporter import exporter
from edgeall.exporting.source_models import Sources
from edgeall.field import Classified, classify
from edgeall.pixels import FILTERS, FITS, PixelMapping, Resize, read_image

PAGE = Path(__file__).parent.parent / "docs" / "without-edgeall.md"
PROGRAMS = {
    match[1]: match[0]
    for match in re.findall(r"```python\n(# (\S+\.py)\n.*?)```", PAGE.read_text(), re.DOTALL)
}
TOLERANCE = 1e-6
"""Of the score: another number of threads adds up in another order."""


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs in the kinds of 8-bit files that edgeall reads, larger than the input and not square."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    made = []

    def photograph(name: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> None:
        coarse = rng.integers(0, 256, (7, 9, len(Image.new(mode, (1, 1)).getbands())), dtype=np.uint8)
        layers = [
            Image.fromarray(coarse[..., band]).resize(size, Image.Resampling.BICUBIC)
            for band in range(coarse.shape[2])
        ]
        image = Image.merge(mode, layers)
        made.append(folder / name)
        image.save(made[-1], **options)

    photograph("wide.jpg", (1210, 803), quality=95)
    photograph("turned.jpg", (640, 401), exif=turned, quality=95)
    photograph("print.jpg", (500, 300), "CMYK", quality=95)
    photograph("plain.png", (301, 457))
    photograph("glass.png", (257, 200), "RGBA")
    photograph("grey.bmp", (200, 333), "L")
    photograph("small.tif", (20, 31))
    palette = Image.open(made[3]).quantize(16)
    made.append(folder / "palette.png")
    palette.save(made[-1], transparency=3)
    return made


def answers(artifact: Artifact, pictures: list[Path]) -> list[tuple[float, str]]:
    found = list(classify(artifact, pictures, force=True))
    verdicts = [each.verdict for each in found if isinstance(each, Classified)]
    return [(verdict.score, verdict.decision) for verdict in verdicts if verdict is not None]


def printed(artifact: Artifact, pictures: list[Path], folder: Path) -> list[tuple[float, str]]:
    """What the page's program for the artifact's format prints, in a process of its own."""
    for name, program in PROGRAMS.items():
        (folder / name).write_text(program)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, f"use_{artifact.metadata.format}.py", artifact.path, *pictures],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rsplit(" ", 2) for line in done.stdout.splitlines()]
    assert [Path(path) for path, _, _ in lines] == pictures
    return [(float(score), decision) for _, score, decision in lines]


def sealed(
    small: SmallModel, recipe: str, folder: Path, path: Path | None = None, **changes: object
) -> Artifact:
    """As `export` seals: tensors told, description fields filled."""
    from edgeall import artifact

    path = small.copy(recipe, folder) if path is None else path
    metadata = small.metadata(recipe, **changes)
    metadata = dataclasses.replace(metadata, tensors=model_io.tensors(path, metadata.format))
    exporter(metadata.format).describe(path, metadata)
    return artifact.seal(path, metadata)


def agree(artifact: Artifact, pictures: list[Path], folder: Path) -> None:
    own, theirs = answers(artifact, pictures), printed(artifact, pictures, folder)
    np.testing.assert_allclose([score for score, _ in theirs], [score for score, _ in own], atol=TOLERANCE)
    assert [decision for _, decision in theirs] == [decision for _, decision in own]
    assert len({round(score, 3) for score, _ in own}) > 3, "scores that are all alike would hide a mistake"


def test_the_page_has_one_program_a_format_and_none_imports_edgeall() -> None:
    assert set(PROGRAMS) == {"edge.py", *(f"use_{format}.py" for format in FORMATS)}
    assert not any(re.search(r"^\s*(import|from) edgeall", text, re.MULTILINE) for text in PROGRAMS.values())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_one_sigmoid_rgb(
    tiny: SmallModel, pictures: list[Path], tmp_path: Path, format: str, precision: str
) -> None:
    agree(sealed(tiny, f"{format}-{precision}", tmp_path), pictures, tmp_path)


@pytest.mark.parametrize("format", FORMATS)
def test_softmax_bgr_several_positive_labels_and_a_referral_band(
    mobile: SmallModel, pictures: list[Path], tmp_path: Path, format: str
) -> None:
    scores = [score for score, _ in answers(mobile.sealed(f"{format}-fp32", tmp_path, "first"), pictures)]
    low, high = np.quantile(scores, [0.3, 0.6])
    decision = Decision(
        mobile.decision.labels, mobile.decision.positive, float(high), (float(low), float(high))
    )
    artifact = sealed(mobile, f"{format}-fp32", tmp_path, decision=decision)
    assert {decision for _, decision in answers(artifact, pictures)} == {"positive", "negative", "refer"}
    agree(artifact, pictures, tmp_path)


def test_integer_input_and_output(tiny: SmallModel, pictures: list[Path], tmp_path: Path) -> None:
    folder, path = tiny.files["tflite-int8"].parent, tmp_path / "integers.tflite"
    recipe = load_recipe("tflite-int8-io")
    tflite.convert(Sources(folder, tiny.pixels), recipe, folder / "calibration.npy", path)
    artifact = sealed(tiny, "tflite-int8", tmp_path, path)
    assert artifact.metadata.tensors is not None
    assert artifact.metadata.tensors.input.dtype == "int8"
    agree(artifact, pictures, tmp_path)


def test_another_way_to_the_square(tiny: SmallModel, pictures: list[Path], tmp_path: Path) -> None:
    pixels = dataclasses.replace(tiny.pixels, fit="crop", filter="nearest")
    agree(sealed(tiny, "onnx-fp32", tmp_path, pixels=pixels), pictures, tmp_path)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("fit", FITS)
def test_the_page_prepares_every_kind_of_picture_as_edgeall_does(
    pictures: list[Path], fit: str, filter: str
) -> None:
    """Byte for byte, but for the filter that Pillow rounds otherwise."""
    exact = filter != "bilinear-no-antialias"
    page: dict[str, object] = {}
    exec(PROGRAMS["edge.py"], page)
    for size in (32, 61):
        pixels = PixelMapping(size, "BGR", (0.5, 0.25, 0.125), (-1.0, 0.0, 3.5), fit, filter)
        for path in pictures:
            expected = read_image(path, Resize(size, fit, filter))
            made = page["square"](path, dataclasses.asdict(pixels))
            assert np.abs(made.astype(int) - expected).max() <= (0 if exact else 1)
            tensor = page["values"](path, dataclasses.asdict(pixels))
            np.testing.assert_array_equal(tensor.astype(np.float32)[0], pixels.apply(made))
