"""A model file in, a run out."""

import dataclasses
import hashlib
import math
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edgeall
from edgeall import files, runs
from edgeall.artifact import Decision
from edgeall.errors import ModelError, UsageError
from edgeall.files import AnyPath
from edgeall.importing.container import opened
from edgeall.importing.graph import LayerGraph, read_graph
from edgeall.importing.preprocessing import InModelPreprocessing, mapping, parse, parse_filter, parse_fit
from edgeall.importing.resizing_layers import OVERSHOOTING
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run

if TYPE_CHECKING:
    from edgeall.importing.build import BuiltModel
    from edgeall.importing.labelled_images import LabelledImages

HEAD = "imported"


@dataclass(frozen=True)
class Imported:
    """What an import left.

    Attributes:
        warnings: what the images contradict, and what is missing, a line each.
        tried: figures of each preprocessing tried; empty without labelled images.
    """

    run: Run
    warnings: tuple[str, ...]
    tried: tuple[dict[str, Any], ...]


def import_model(
    file: AnyPath,
    labels: Sequence[str],
    *,
    positive: Sequence[str] | None = None,
    preprocessing: str | None = None,
    channel_order: str | None = None,
    input_size: int | None = None,
    fit: str | None = None,
    resize_filter: str | None = None,
    weights_file: AnyPath | None = None,
    activation: str | None = None,
    threshold: float | None = None,
    data: AnyPath | None = None,
    split: AnyPath | None = None,
    name: str | None = None,
    out: AnyPath = RUNS_FOLDER,
    overwrite: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Imported:
    """Bring in a Keras 2 or 3 classifier as the run `out/name`: `.keras`, `.h5`, or JSON with `weights_file`.

    Args:
        labels: names of the classes in the order of the outputs; of one sigmoid output, the second is what it says.
        positive: labels that make a finding; default what the images' layout says, else the second of two.
        preprocessing: a mode of `MODES` or numbers, see `preprocessing.parse`; default the mode that fits `data` best.
            What the model does to pixels itself comes after it, and is taken out of the graph into the pixel mapping.
        input_size: height and width in pixels, where the model takes any and does not resize them itself.
        fit: how pictures became squares before the model was given them, one of `pixels.FITS`; default "stretch".
        resize_filter: with which filter, one of `pixels.FILTERS`; default "bilinear" (antialiased), or another that
            fits `data` significantly better.
        weights_file: weights of a model whose `file` is its description, by `model.to_json()`.
        activation: "sigmoid" or "softmax" to append to a model that ends in logits.
        threshold: of the score; default Youden's on the validation images, 0.5 without images.
        data: labelled images of the same classes, for calibration, validation and test.
        split: which of them trained the model, as `edgeall data split` writes it; default none is known to have.
        name: default the file's.

    Raises:
        ModelError: the file cannot be taken over as it is.
        UsageError: options that contradict the model or each other, or neither `data` nor `preprocessing`.
        DatasetError: `data` cannot serve.
    """
    file, out = Path(file), Path(out)
    data = None if data is None else Path(data)
    weights_file = None if weights_file is None else Path(weights_file)
    split = None if split is None else Path(split)
    path = _run_path(file, name, out, overwrite)
    labels = tuple(labels)
    _check(labels, positive, threshold, data, split)
    if activation not in (None, "sigmoid", "softmax"):
        raise UsageError(f"--activation {activation}: sigmoid or softmax")
    way = None if preprocessing is None else parse(preprocessing, channel_order)
    resizing = (
        parse_fit("stretch" if fit is None else fit),
        None if resize_filter is None else parse_filter(resize_filter),
    )
    with opened(file, weights_file) as stored:
        graph = read_graph(stored.config, str(file))
        size = _size(graph, input_size, file)
        if way is None and data is None:
            raise UsageError(_say_preprocessing(graph, file))
        built = _build(graph, stored, activation, size, labels, file)
        written_by = stored.written_by
    _check_resizing(built.front, fit, resize_filter, file)
    digests = {path: files.sha256_file(path) for path in (file, weights_file) if path is not None}
    sha256 = "".join(digests.values())
    if weights_file is not None:
        sha256 = hashlib.sha256(sha256.encode()).hexdigest()

    from edgeall.importing import labelled_images
    from edgeall.importing.backbone_match import backbone_of
    from edgeall.importing.preprocessing_choice import PreprocessingChoice

    with files.replacing_folder(path, overwrite) as folder:
        if data is not None:
            images = labelled_images.given(data, labels, positive, split, sha256, seed, progress)
            decision = Decision(labels, tuple(positive or images.positive))
        else:
            decision = Decision(labels, _positive(labels, positive))
            sides = (next(label for label in labels if label not in decision.positive), decision.positive[0])
            images = labelled_images.drawn(
                folder / "drawn", path.resolve() / "drawn", sides, sha256, seed, progress
            )
        judge = PreprocessingChoice(built, resizing, decision, images, seed, progress)
        way, warnings, tried = judge.preprocessing(way)
        warnings = [*_of_the_model(graph, built.front), *warnings]
        pixels = mapping(way, built.front, built.size)
        decision, metrics = judge.decide(way, threshold)
        run = Run(
            path=folder,
            backbone=backbone_of(built.model),
            head=HEAD,
            weights=_words(digests, images),
            licence=f"not known to edgeall: that of {file.name} (SHA-256 {digests[file][:16]})",
            seed=seed,
            pixels=pixels,
            decision=decision,
            data=images.source,
            split=images.split,
            params=_params(built.model),
            settings={
                "threshold": threshold,
                "imported": {
                    "file": file.name,
                    "sha256": digests[file],
                    **(_weights(weights_file, digests) if weights_file is not None else {}),
                    "written_by": f"Keras {written_by}",
                    "preprocessing": way.to_dict(),
                    "taken_out": list(built.taken_out),
                    "left_out": list(built.left_out),
                    "appended": activation,
                },
            },
            metrics=metrics,
            versions=_versions(written_by),
        )
        built.model.save(run.model_path)
        runs.save(run)
    return Imported(dataclasses.replace(run, path=path), tuple(warnings), tuple(tried))


def _build(
    graph: LayerGraph,
    stored: Any,
    activation: str | None,
    size: int | None,
    labels: tuple[str, ...],
    file: Path,
) -> "BuiltModel":
    from edgeall.importing.build import build
    from edgeall.importing.layer_weights import StoredWeights
    from edgeall.importing.output import check_classes, find_output
    from edgeall.training.model import compiled

    output = find_output(graph, activation, str(file))
    built = build(graph, StoredWeights(stored), output, size, str(file))
    shape = built.model.outputs[0].shape
    if len(shape) != 2 or shape[1] is None:
        raise ModelError(f"{file}: gives output of shape {tuple(shape)}, not (None, classes)")
    check_classes(int(shape[1]), output.activation, labels, str(file))
    compiled(built.model)
    return built


def _run_path(file: Path, name: str | None, out: Path, overwrite: bool) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")
    path = out / (slug or "imported" if name is None else name)
    if path.name in ("", ".", "..") or path.name.startswith(".") or path.parent != out:
        raise UsageError(f"'{name}' is no name for a run")
    files.refuse_overwrite(path, overwrite)
    if path.exists() and not (path / "run.json").is_file():
        raise UsageError(f"{path} is not a run, so it is not replaced; give another name")
    return path


def _check(
    labels: tuple[str, ...],
    positive: Sequence[str] | None,
    threshold: float | None,
    data: Path | None,
    split: Path | None,
) -> None:
    if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
        raise UsageError(
            f"--labels {','.join(labels)}: give two different names or more, separated by commas"
        )
    if positive is not None and (
        not positive or not set(positive) <= set(labels) or set(positive) == set(labels)
    ):
        raise UsageError(
            f"--positive {','.join(positive)}: give some, not all, of the labels {', '.join(labels)}"
        )
    if threshold is not None and not 0.0 <= threshold <= 1.0:
        raise UsageError(f"--threshold {threshold}: a score lies within 0 and 1")
    if split is not None and data is None:
        raise UsageError("--split is of images: say where they are with --data DIR")


def _positive(labels: tuple[str, ...], given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None and len(labels) > 2:
        raise UsageError(f"say which of {', '.join(labels)} make a finding with --positive")
    return tuple(label for label in labels if label in given) if given else labels[1:]


def _size(graph: LayerGraph, asked: int | None, file: Path) -> int | None:
    """The size that the user asks for, where the model takes any."""
    height, width = graph.input_shape[:2]
    if height is not None and width is not None and height != width:
        raise ModelError(f"{file}: takes images of {width} x {height}; edgeall takes square inputs")
    fixed = height or width
    if asked is not None and fixed is not None and asked != fixed:
        raise UsageError(f"--input-size {asked}: {file} takes {fixed} x {fixed} only")
    return None if fixed is not None else asked


def _check_resizing(
    front: InModelPreprocessing, fit: str | None, resize_filter: str | None, file: Path
) -> None:
    resize = front.resize
    given = [f"{name} {said}" for name, said in (("--fit", fit), ("--resize-filter", resize_filter)) if said]
    if resize is not None and given:
        raise UsageError(
            f"{' '.join(given)}: {file} resizes pictures itself ({resize.fit}, {resize.filter}), which edgeall does as "
            "the model would; leave it out"
        )


def _of_the_model(graph: LayerGraph, front: InModelPreprocessing) -> list[str]:
    """What edgeall does in another way than the file's model, a line each."""
    warnings = []
    if graph.precisions:
        warnings.append(
            f"Keras computes some of the model's layers in {', '.join(graph.precisions)}, edgeall all in float32: "
            "their answers differ by that rounding"
        )
    if front.resize is not None and front.resize.filter in OVERSHOOTING:
        warnings.append(
            f"the model resizes by {front.resize.filter}, which overshoots at sharp edges; edgeall clips pixels to 0 "
            "to 255, and Keras does not"
        )
    return warnings


def _say_preprocessing(graph: LayerGraph, file: Path) -> str:
    first = graph.steps[0].layer.kind if graph.steps else ""
    hint = " (it scales its input itself, so probably raw)" if first in ("Rescaling", "Normalization") else ""
    return (
        f"{file} does not tell how its images were prepared{hint}: say it with --preprocessing "
        "tf|caffe|torch|unit|raw|scale,offset, or give labelled images with --data DIR to find out"
    )


def _words(digests: dict[Path, str], images: "LabelledImages") -> str:
    source = "imported from " + " and ".join(
        f"{path.name} (sha256 {sha256[:12]})" for path, sha256 in digests.items()
    )
    if images.known:
        return f"{source}; training images as told by its owner, not checked"
    if images.drawn:
        return f"{source}; training images unknown; exports compared with it on drawn smears"
    return f"{source}; training images unknown: test figures may include images it was trained on"


def _weights(file: Path, digests: dict[Path, str]) -> dict[str, str]:
    return {"weights_file": file.name, "weights_sha256": digests[file]}


def _params(model: Any) -> dict[str, int]:
    total = int(model.count_params())
    trainable = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}


def _versions(written_by: str) -> dict[str, str]:
    return {
        "edgeall": edgeall.__version__,
        "python": platform.python_version(),
        "keras": metadata.version("keras"),
        "trained_with_keras": written_by,
    }
