"""Curves of sensitivity in words, as rows of a table and as commands. No Qt."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from canon_core.figures.numbers import NO_VALUE, difference_text, tar_text
from canon_core.figures.sensitivity_curve import (
    SensitivityCurve,
    SensitivityStep,
    SingleLevel,
    near_dimensions,
    trusted_from,
)
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FEW_PAIRS_PER_DIMENSION, far_text
from canon_core.study.sensitivity_results import Pair, Sensitivity, SensitivitySettings
from canon_core.verification.roc import FarRule

from .table_twin import Entry

COLUMNS = ("map", "fit", "fit pairs", "pairs a dimension", "mean TAR", "lowest", "highest", "subsets", "to single")


def sensitivity_command(
    study: str,
    settings: SensitivitySettings,
    far: float,
    rule: FarRule,
    among: Sequence[Pair] | None = None,
) -> str:
    """The ``canon`` command of one curve, quoted for a shell; ``among`` are the cells that its means are over."""
    cells = () if among is None else ("--cells", ",".join(f"{source}:{target}" for source, target in among))
    pairs = ("--pairs", ",".join(map(str, settings.pairs))) if settings.pairs else ()
    return shlex.join(
        [
            *("canon", "sensitivity", study),
            *("--dataset", settings.dataset),
            *("--models", ",".join(settings.models)),
            *("--map", settings.map.value),
            *("--mode", settings.mode.value),
            *("--features", settings.features.value),
            *pairs,
            *("--repeats", str(settings.repeats)),
            *("--far", far_text(far)),
            *("--far-rule", FarRule(rule).value),
            *("--seed", str(settings.seed)),
            *cells,
        ]
    )


def reading_text(curve: SensitivityCurve, step: SensitivityStep, level: SingleLevel | None, widest: int) -> str:
    """A step as it is read under the pointer."""
    lines = [curve.label, f"{step.pairs:,} fit pairs, {step.pairs / widest:.1f} a dimension"]
    lines.append(f"mean TAR {tar_text(step.mean)}" + spread_text(step))
    if level is not None:
        lines.append(f"single models {tar_text(level.tar)}")
    return "\n".join(lines)


def spread_text(step: SensitivityStep) -> str:
    """The repetitions of a step, where there are several."""
    if len(step.values) < 2:
        return ""
    return f" ({tar_text(min(step.values))} … {tar_text(max(step.values))}, {len(step.values)} subsets)"


def sensitivity_rows(
    curves: Sequence[SensitivityCurve], levels: Sequence[SingleLevel], widest: int
) -> list[list[Entry]]:
    """A row for every step of every curve, and for each mode's single models."""
    single = {level.mode: level.tar for level in levels}
    rows = []
    for curve in curves:
        for step in curve.steps:
            ratio = step.pairs / widest
            star = "*" if ratio < FEW_PAIRS_PER_DIMENSION else ""
            minus = step.mean - single[curve.mode] if curve.mode in single else math.nan
            rows.append(
                [
                    Entry(str(curve.map)),
                    Entry(str(curve.mode)),
                    Entry(f"{step.pairs:,}", step.pairs),
                    Entry(f"{ratio:.1f}{star}", ratio),
                    *(_tar(value) for value in (step.mean, min(step.values), max(step.values))),
                    Entry(str(len(step.values)), len(step.values)),
                    Entry(difference_text(minus), -math.inf if math.isnan(minus) else minus),
                ]
            )
    for level in levels:
        head = [Entry("single models"), Entry(str(level.mode)), Entry(NO_VALUE, math.inf), Entry(NO_VALUE, math.inf)]
        rows.append([*head, _tar(level.tar), _tar(math.nan), _tar(math.nan), Entry(NO_VALUE, 0), Entry(".000", 0.0)])
    return rows


def notes_text(curves: Sequence[SensitivityCurve], dimensions: Sequence[int]) -> str:
    """What to know before trusting a curve: where its maps have few pairs, and why the linear one dips."""
    drawn = [curve for curve in curves if curve.steps]
    if not drawn or not dimensions:
        return ""
    texts = []
    first, last = (limit(step.pairs for curve in drawn for step in curve.steps) for limit in (min, max))
    low, high = near_dimensions(dimensions)
    if any(curve.map is not MapKind.ROTATION for curve in drawn) and first <= high and last >= low:
        texts.append(
            f"Shaded, about as many pairs as dimensions ({dimensions_text(dimensions)}): there a linear map goes"
            " through its pairs exactly, noise and all, and can do worse elsewhere than with fewer (double descent); a"
            " rotation, which can only turn the space, does not."
        )
    trusted = trusted_from(dimensions)
    if last < trusted:
        texts.append(
            f"Few fit pairs: even all steps lie below {FEW_PAIRS_PER_DIMENSION:.0f} a dimension ({trusted:,.0f} pairs),"
            " so every map here is poorly determined; more images would help."
        )
    elif first < trusted:
        texts.append(
            f"Left of the dotted line there are fewer than {FEW_PAIRS_PER_DIMENSION:.0f} pairs a dimension"
            f" ({trusted:,.0f}; * in the table): maps are poorly determined."
        )
    leaking = dict.fromkeys(str(curve.mode) for curve in drawn if curve.hollow)
    if leaking:
        texts.append(f"Hollow ({', '.join(leaking)}): maps that were fitted on images or subjects that are scored.")
    return " ".join(texts)


def dimensions_text(dimensions: Sequence[int]) -> str:
    """Widths of the sources, or their range."""
    return str(dimensions[0]) if len(dimensions) == 1 else f"{dimensions[0]} to {dimensions[-1]}"


def work_text(results: Sequence[Sensitivity]) -> str:
    """What is to be computed before there is anything to see."""
    first = results[0]
    steps = len(first.pairs)
    available = " to ".join(f"{count:,}" for count in sorted({result.available for result in results}))
    cells = len(first.cells) - len(first.missing)
    maps = sum(sum(result.repeats) * (len(result.cells) - len(result.missing)) for result in results)
    return (
        "How many image pairs does a map need? Maps are fitted again on random subsets of the"
        f" {available} fit pairs, and every cell is scored through them: {cells} cells, {steps}"
        f" step{'s' * (steps != 1)} ({_steps(first)}), {max(first.repeats)}"
        f" subset{'s' * (max(first.repeats) != 1)} each, {len(results)} curve{'s' * (len(results) != 1)}:"
        f" {maps:,} cells to score."
    )


def _steps(result: Sensitivity) -> str:
    sizes = [f"{pairs:,}" if pairs != result.available else f"all {pairs:,}" for pairs in result.pairs]
    return ", ".join(sizes if len(sizes) < 5 else [*sizes[:2], "…", sizes[-1]])


def _tar(value: float) -> Entry:
    return Entry(tar_text(value), -math.inf if math.isnan(value) else value)
