"""Imports a model file as a run."""

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
from edgeall.domain.of_split import domain_of_split
from edgeall.errors import ModelError, UsageError
from edgeall.files import AnyPath
from edgeall.importing.container import opened
from edgeall.importing.graph import LayerGraph, read_graph
from edgeall.importing.import_options import ImportOptions
from edgeall.importing.preprocessing import InModelPreprocessing, Preprocessing, mapping
from edgeall.importing.resizing_layers import OVERSHOOTING
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run

if TYPE_CHECKING:
    from edgeall.importing.build import BuiltModel
    from edgeall.importing.labelled_images import LabelledImages

HEAD = "imported"


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        warnings: contradictions by the images, and what could not be checked, a line each.
        tried: figures of each preprocessing that was tried; empty without labelled images.
    """

    run: Run
    warnings: tuple[str, ...]
    tried: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Source:
    """A model built from a file.

    Attributes:
        digests: SHA-256 of the model's file and of its weights' file, if that is another one.
        written_by: version of the Keras that wrote it.
    """

    file: Path
    digests: dict[Path, str]
    graph: LayerGraph
    built: "BuiltModel"
    written_by: str

    @property
    def sha256(self) -> str:
        """One digest of all its files."""
        joined = "".join(self.digests.values())
        return joined if len(self.digests) == 1 else hashlib.sha256(joined.encode()).hexdigest()


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
    """Import a Keras 2 or 3 classifier as the run `out/name`: `.keras`, `.h5`, or JSON with `weights_file`.

    Args:
        labels: names of the classes in the order of the outputs; for a single sigmoid output, the positive class is
            the second.
        positive: labels that count as positive; default the dataset layout's, else the second of two.
        preprocessing: a mode of `MODES` or numbers, see `preprocessing.parse`; default the mode that fits `data` best.
            The model's own preprocessing comes after it, and moves from the graph into the pixel mapping.
        channel_order: "RGB" or "BGR"; default the mode's own.
        input_size: height and width in pixels, for a model that takes any size and does not resize images itself.
        fit: how training images became squares, one of `pixels.FITS`; default "stretch".
        resize_filter: the filter of that resizing, one of `pixels.FILTERS`; default "bilinear" (antialiased), or
            another that fits `data` significantly better.
        weights_file: weights of a model whose `file` is a description by `model.to_json()`.
        activation: "sigmoid" or "softmax" to append to a model that ends in logits.
        threshold: of the score, in 0..1; default Youden's on the validation images, 0.5 without images.
        data: labelled images of the same classes, for calibration, validation and test.
        split: file that states which of them trained the model, as `edgeall data split` writes it; default unknown.
        name: default the file's.
        seed: of the split and of the choice of images.

    Raises:
        ModelError: the file cannot be imported.
        UsageError: options that contradict the model or each other, or neither `data` nor `preprocessing`.
        DatasetError: `data` is not usable.
    """
    options = ImportOptions.checked(
        labels, positive, preprocessing, channel_order, input_size, fit, resize_filter, weights_file, activation,
        threshold, data, split, seed,
    )  # fmt: skip
    file, out = Path(file), Path(out)
    path = _run_path(file, name, out, overwrite)
    source = _read(file, options)
    with files.replacing_folder(path, overwrite) as folder:
        run, warnings, tried = _make_run(source, options, folder, path, progress)
        source.built.model.save(run.model_path)
        runs.save(run)
    return Imported(dataclasses.replace(run, path=path), tuple(warnings), tuple(tried))


def _read(file: Path, options: ImportOptions) -> _Source:
    with opened(file, options.weights_file) as stored:
        graph = read_graph(stored.config, str(file))
        size = _size(graph, options.input_size, file)
        if options.preprocessing is None and options.data is None:
            raise UsageError(_preprocessing_missing(graph, file))
        built = _build(graph, stored, options, size, file)
        written_by = stored.written_by
    _check_resizing(built.preprocessing, options, file)
    paths = (file, options.weights_file)
    digests = {path: files.sha256_file(path) for path in paths if path is not None}
    return _Source(file, digests, graph, built, written_by)


def _build(
    graph: LayerGraph, stored: Any, options: ImportOptions, size: int | None, file: Path
) -> "BuiltModel":
    from edgeall.importing.build import build
    from edgeall.importing.layer_weights import StoredWeights
    from edgeall.importing.output import check_classes, find_output
    from edgeall.training.model import compiled

    output = find_output(graph, options.activation, str(file))
    built = build(graph, StoredWeights(stored), output, size, str(file))
    shape = built.model.outputs[0].shape
    if len(shape) != 2 or shape[1] is None:
        raise ModelError(f"{file}: has output of shape {tuple(shape)}, not (None, classes)")
    check_classes(int(shape[1]), output.activation, options.labels, str(file))
    compiled(built.model)
    return built


def _make_run(
    source: _Source, options: ImportOptions, folder: Path, path: Path, progress: Progress
) -> tuple[Run, list[str], list[dict[str, Any]]]:
    """The run in `folder`, which is to be `path`; warnings; and figures of the preprocessings that were tried."""
    from edgeall.importing.backbone_match import backbone_of
    from edgeall.importing.preprocessing_choice import PreprocessingChoice

    built, sha256 = source.built, source.digests[source.file]
    images, decision = _images(source, options, folder, path, progress)
    resizing = options.fit or "stretch", options.resize_filter
    choice = PreprocessingChoice(built, resizing, decision, images, options.seed, progress)
    chosen, warnings, tried = choice.preprocessing(options.preprocessing)
    pixels = mapping(chosen, built.preprocessing, built.size)
    decision, metrics = choice.decide(chosen, options.threshold)
    run = Run(
        path=folder,
        backbone=backbone_of(built.model),
        head=HEAD,
        weights=_weights_origin(source.digests, images),
        licence=f"not known to edgeall: that of {source.file.name} (SHA-256 {sha256[:16]})",
        seed=options.seed,
        pixels=pixels,
        decision=decision,
        data=images.source,
        split=images.split,
        params=_params(built.model),
        settings={"threshold": options.threshold, "imported": _record(source, options, chosen)},
        metrics=metrics,
        versions=_versions(source.written_by),
        # Drawn smears are not what the model was made for.
        domain=None
        if images.drawn
        else domain_of_split(images.source.root, images.split, pixels.resize, progress),
    )
    return run, [*_differences(source.graph, built.preprocessing), *warnings], tried


def _images(
    source: _Source, options: ImportOptions, folder: Path, path: Path, progress: Progress
) -> tuple["LabelledImages", Decision]:
    from edgeall.importing import labelled_images

    labels, positive, seed = options.labels, options.positive, options.seed
    if options.data is not None:
        images = labelled_images.given(
            options.data, labels, positive, options.split, source.sha256, seed, progress
        )
        return images, Decision(labels, tuple(positive or images.positive))
    decision = Decision(labels, _positive(labels, positive))
    sides = next(label for label in labels if label not in decision.positive), decision.positive[0]
    images = labelled_images.drawn(
        folder / "drawn", path.resolve() / "drawn", sides, source.sha256, seed, progress
    )
    return images, decision


def _record(source: _Source, options: ImportOptions, preprocessing: Preprocessing) -> dict[str, Any]:
    """The import as `run.json` records it."""
    weights = options.weights_file
    return {
        "file": source.file.name,
        "sha256": source.digests[source.file],
        **(
            {"weights_file": weights.name, "weights_sha256": source.digests[weights]}
            if weights is not None
            else {}
        ),
        "written_by": f"Keras {source.written_by}",
        "preprocessing": preprocessing.to_dict(),
        "taken_out": list(source.built.taken_out),
        "left_out": list(source.built.left_out),
        "appended": options.activation,
    }


def _run_path(file: Path, name: str | None, out: Path, overwrite: bool) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")
    path = out / (slug or "imported" if name is None else name)
    if path.name in ("", ".", "..") or path.name.startswith(".") or path.parent != out:
        raise UsageError(f"'{name}' cannot be the name of a run")
    files.refuse_overwrite(path, overwrite)
    if path.exists() and not (path / "run.json").is_file():
        raise UsageError(f"{path} is not a run, so it is not replaced; give another name")
    return path


def _positive(labels: tuple[str, ...], given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None and len(labels) > 2:
        raise UsageError(f"give the positive ones of {', '.join(labels)} with --positive")
    return tuple(label for label in labels if label in given) if given else labels[1:]


def _size(graph: LayerGraph, given: int | None, file: Path) -> int | None:
    """The user's size in pixels, for a model that takes any; None for a model of one size."""
    height, width = graph.input_shape[:2]
    if height is not None and width is not None and height != width:
        raise ModelError(
            f"{file}: takes images of {width} x {height}; edgeall imports models with square inputs"
        )
    fixed = height or width
    if given is not None and fixed is not None and given != fixed:
        raise UsageError(f"--input-size {given}: {file} takes {fixed} x {fixed} only")
    return None if fixed is not None else given


def _check_resizing(in_model: InModelPreprocessing, options: ImportOptions, file: Path) -> None:
    given = [
        f"{option} {value}"
        for option, value in (("--fit", options.fit), ("--resize-filter", options.resize_filter))
        if value
    ]
    if in_model.resize is not None and given:
        raise UsageError(
            f"{' '.join(given)}: {file} resizes images itself ({in_model.resize.fit}, {in_model.resize.filter}), and "
            "edgeall does the same; leave it out"
        )


def _differences(graph: LayerGraph, in_model: InModelPreprocessing) -> list[str]:
    """Where edgeall computes differently from the file's model, a line each."""
    warnings = []
    if graph.precisions:
        warnings.append(
            f"Keras computes some of the model's layers in {', '.join(graph.precisions)}, edgeall all in float32: "
            "their outputs differ by that rounding"
        )
    if in_model.resize is not None and in_model.resize.filter in OVERSHOOTING:
        warnings.append(
            f"the model resizes by {in_model.resize.filter}, which overshoots at sharp edges; edgeall clips pixels to "
            "0 to 255, and Keras does not"
        )
    return warnings


def _preprocessing_missing(graph: LayerGraph, file: Path) -> str:
    first = graph.steps[0].layer.kind if graph.steps else ""
    hint = " (it scales its input itself, so probably raw)" if first in ("Rescaling", "Normalization") else ""
    return (
        f"{file} does not state its preprocessing{hint}: give it with --preprocessing "
        "tf|caffe|torch|unit|raw|scale,offset, or give labelled images with --data DIR to find it"
    )


def _weights_origin(digests: dict[Path, str], images: "LabelledImages") -> str:
    source = "imported from " + " and ".join(
        f"{path.name} (sha256 {sha256[:12]})" for path, sha256 in digests.items()
    )
    if images.known:
        return f"{source}; training images as stated by its owner, not checked"
    if images.drawn:
        return f"{source}; training images unknown; exports compared with it on synthetic smears"
    return f"{source}; training images unknown: test figures may include images it was trained on"


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
