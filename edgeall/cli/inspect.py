"""`edgeall inspect`: shows an artifact's metadata, and its operators in its engine."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall import artifact as artifacts
from edgeall.artifact import Artifact, Calibration, Golden, Metadata, Noise, Parity, ShiftAgreement, usage
from edgeall.cli import outcome
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display, visible
from edgeall.domain import in_words
from edgeall.engines import FILES
from edgeall.errors import EngineError, MissingExtraError

if TYPE_CHECKING:
    from edgeall.runtimes import ExecutedPrecision


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("artifact", metavar="ARTIFACT", type=Path, help=f"a {FILES} file")
    parser.epilog = (
        "Exit status: 0 intact and loads (or its engine is not installed), 1 its engine cannot load it, "
        "2 damaged or not an artifact."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Inspect. Without the artifact's engine, its operators are left out."""
    artifact = artifacts.read(args.artifact)
    engine, executed, trouble, status = _load(artifact)
    document = {
        "path": str(artifact.path),
        "files": [str(path) for path in artifacts.files_of(artifact.path)],
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "checksum_ok": True,
        "metadata": artifact.metadata.to_dict(),
        "usage": usage.rule(artifact.metadata),
        "engine": engine,
        "executed_precision": None if executed is None else _executed(executed),
        "engine_error": trouble,
    }
    display.emit(document)
    if not display.as_json:
        display.show(_table(artifact, engine, executed))
    if trouble:
        display.error(trouble)
    return status


def _load(
    artifact: Artifact,
) -> tuple[dict[str, str] | None, "ExecutedPrecision | None", str | None, int]:
    from edgeall.runtimes import open_session

    try:
        with crash_message(artifact), open_session(artifact) as session:
            engine = {"name": session.engine.name, "version": session.engine.version}
            return engine, session.executed_precision(), None, 0
    except MissingExtraError as error:
        return None, None, str(error), 0
    except EngineError as error:
        return None, None, str(error), 1


def _executed(executed: "ExecutedPrecision") -> dict[str, Any]:
    return {
        "dominant": executed.dominant,
        "operators": executed.operators,
        "breakdown": executed.breakdown,
        "float_operators": executed.float_operators,
        "conversions": executed.conversions,
    }


def _table(artifact: Artifact, engine: dict[str, str] | None, executed: "ExecutedPrecision | None") -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_header=False)
    rows = {
        "artifact": str(artifact.path),
        "checksum": f"ok, {artifact.sha256}",
        "size": f"{artifact.size_bytes / 1e6:.2f} MB",
        **_of_metadata(artifact.metadata),
    }
    if engine is not None:
        rows["engine"] = f"{engine['name']} {engine['version']}"
    if executed is not None:
        counts = ", ".join(f"{count} {name}" for name, count in executed.operators.items())
        rows["operators here"] = f"{counts}; {executed.conversions} conversions"
        if artifact.metadata.precision == "int8":
            left = [f"{count} {kind}" for kind, count in executed.float_operators.items()]
            rows["left in float"] = ", ".join(left) or "nothing"
    rows |= {f"to use it: {step}": text for step, text in usage.rule(artifact.metadata).items()}
    for name, value in rows.items():
        table.add_row(name, visible(value))
    return table


def _of_metadata(metadata: Metadata) -> dict[str, str]:
    decision, pixels, made, parity = metadata.decision, metadata.pixels, metadata.provenance, metadata.parity
    band = "" if decision.refer is None else f"; refer from {decision.refer[0]:g} to {decision.refer[1]:g}"
    return {
        "format": f"{metadata.format}, {metadata.precision}",
        "labels": ", ".join(decision.labels),
        "positive": f"{' + '.join(decision.positive)} from {decision.threshold:g}{band}",
        "probabilities": _calibration(metadata.calibration),
        "input": f"{pixels.size} x {pixels.size} {pixels.channel_order}; "
        f"scale {_numbers(pixels.scale)}, offset {_numbers(pixels.offset)}",
        "made of": f"run {made.run}: {made.backbone}, head {made.head}, {made.weights}{_model(made.model_sha256)}",
        "trained on": "images not known to edgeall"
        if made.data_fingerprint.startswith("unknown:")
        else f"{made.data} ({made.data_fingerprint[:12]})",
        **({"made for": in_words(metadata.domain)} if metadata.domain else {}),
        "licence": made.licence,
        **({"parity": "not measured"} if parity is None else _of_parity(parity, metadata.quantization)),
        **_quantization(metadata.quantization),
        "test figures": "not known to this artifact" if metadata.test is None else metadata.test.in_words,
        "decision for a person": _person(metadata),
        "golden answers": _golden(metadata.golden),
        "intended use": metadata.intended_use,
    }


def _person(metadata: Metadata) -> str:
    if metadata.person_cut is not None:
        return metadata.person_cut.in_words
    return f"none: {metadata.no_person_cut}" if metadata.no_person_cut else "not known to this artifact"


def _calibration(calibration: Calibration | None) -> str:
    if calibration is None:
        return "not known to be calibrated"
    if calibration.method == "none":
        return "not calibrated"
    offset = (
        f" {'-' if calibration.offset < 0 else '+'} {abs(calibration.offset):.4g}"
        if calibration.offset
        else ""
    )
    return (
        f"calibrated by {calibration.method} on {calibration.n} validation images: "
        f"logit x {calibration.scale:.4g}{offset}, in the weights already"
    )


def _golden(golden: Golden | None) -> str:
    if golden is None:
        return "none: the engine cannot be checked where it runs; export again"
    return (
        f"to {len(golden.seeds)} drawn pictures, by {golden.engine} {golden.version} on {golden.processor}; "
        "checked by edgeall selftest"
    )


def _of_parity(parity: Parity, about: dict[str, Any]) -> dict[str, str]:
    """The outcome and its reasons, then the figures that were measured."""
    rows = {
        "parity": f"{outcome.outcome(parity)}{_selected(about)}",
        "beside its Keras model": "; ".join(_figures(parity)),
        "the Keras model's own noise": _noise(parity.noise),
        "clear verdicts on shifts": ", ".join(map(_shift, parity.shifts)),
    }
    return {name: words for name, words in rows.items() if words}


def _figures(parity: Parity) -> Iterator[str]:
    yield f"decisions agree {parity.agreement:.1%}"
    if parity.clear is not None:
        share = "" if parity.clear_agreement is None else f"{parity.clear_agreement:.1%} of "
        yield f"clear verdicts agree {share}{parity.clear}"
    yield f"mean |Δp| {parity.mean_abs_diff:.4f}, max {parity.max_abs_diff:.4f}"
    if parity.accuracy_delta is not None:
        yield f"accuracy {parity.accuracy_delta:+.3f}"
        if parity.auc_delta is None:
            # The truth is known, but has one class.
            yield "AUC not measured nor limited (images of one class)"
    bounded = list(_bounded(parity))
    yield from bounded
    if bounded and parity.outcome is not None:
        yield "one-sided 95 % bounds" + ("" if parity.over is None else f" over {parity.over}")
    if parity.class_agreement is not None and parity.class_mean_abs_diff is not None:
        yield (
            f"most probable class agrees {parity.class_agreement:.1%}, mean |Δp| of a class "
            f"{parity.class_mean_abs_diff:.4f}"
        )


def _bounded(parity: Parity) -> Iterator[str]:
    for name, value, low, high in (
        ("AUC", parity.auc_delta, parity.auc_delta_low, parity.auc_delta_high),
        ("log-loss", parity.log_loss_delta, parity.log_loss_delta_low, parity.log_loss_delta_high),
    ):
        if value is not None:
            ends = "" if low is None or high is None else f" ({low:+.3f} to {high:+.3f})"
            yield f"{name} {value:+.3f}{ends}"


def _noise(noise: Noise | None) -> str:
    if noise is None:
        return ""
    return (
        f"mean |Δp| {noise.grey_level:.4f} when pixels change by one grey level, {noise.one_pixel:.4f} when the "
        f"picture is shifted by one pixel, {noise.jpeg_95:.4f} when it is stored as JPEG of quality 95"
    )


def _shift(shift: ShiftAgreement) -> str:
    if shift.agreement is None:
        return f"{shift.name}: none is clear"
    beside = "" if shift.own_calibration is None else f", with own calibration {shift.own_calibration:.1%}"
    return f"{shift.name} {shift.agreement:.1%} of {shift.n}{beside}"


def _selected(about: dict[str, Any]) -> str:
    tried = len(about.get("fallbacks", []))
    return f"; optimistic: chosen from {tried} attempts by these same images" if tried > 1 else ""


def _quantization(about: dict[str, Any]) -> dict[str, str]:
    """How an INT8 artifact was made; empty for other precisions."""
    if not about.get("method"):
        return {}
    name = about.get("shared")
    shared = f"; the same model in each format that names {name}" if name else ""
    rows = {"made by": f"{about['method']}{shared}"}
    tried = [_tried(each) for each in about.get("fallbacks", [])]
    return rows | ({"tried": "; ".join(tried)} if tried else {})


def _tried(attempt: dict[str, Any]) -> str:
    if "mean_abs_diff" not in attempt:
        return f"{attempt.get('method')}: {attempt.get('error', 'not measured')}"
    passed = {True: "passed", False: "failed", None: "unproven"}[attempt.get("passed", False)]
    return f"{attempt.get('method')} ({attempt.get('measured_in')}): {passed}, mean |Δp| {attempt['mean_abs_diff']:.4f}"


def _model(sha256: str) -> str:
    return f"; model.keras {sha256[:12]}" if sha256 else ""


def _numbers(values: tuple[float, ...]) -> str:
    distinct = dict.fromkeys(f"{value:.6g}" for value in values)
    return ", ".join(distinct) if len(distinct) == 1 else ", ".join(f"{value:.6g}" for value in values)
