"""TARs at FARs in the terminal, of a map that travels and of scores that were written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from canon_core.cli.terminal import out
from canon_core.maps.portable import PortableMap
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text
from canon_core.verification.roc import FarRule, OperatingPoint

_UNRESOLVED = f"unresolved: fewer than {FEW_FALSE_ACCEPTS} false accepts decide"


def print_measured(portable: PortableMap) -> None:
    """What a map promises: TAR at each FAR, beside both models by themselves, and how that was measured."""
    origin = portable.origin
    one, other = origin.source.name, origin.target.name
    table = _table(f"Measured TAR of {one} → {other}", "FAR", "TAR", f"{one} alone", f"{other} alone")
    for point in origin.measured:
        tars = map(_number, (point.tar, point.source_tar, point.target_tar))
        behind = _threshold(point.achieved_far, point.threshold, point.false_accepts, origin.impostors)
        table.add_row(far_text(point.far), *tars, *behind)
    out.print(table)
    out.print()
    out.print(
        f"{origin.dataset} · map {portable.mapping.kind} · fit {origin.mode}"
        + (f" (seed {origin.seed})" if origin.mode == "disjoint" else "")
        + f" · FAR rule {origin.rule} · {origin.genuine:,} genuine / {origin.impostors:,} impostor pairs"
    )
    out.print(origin.note)


def print_points(points: Sequence[OperatingPoint], rule: FarRule, title: str) -> None:
    """TAR at each FAR of the scores that were written."""
    table = _table(f"TAR of {title} (rule {rule})", "FAR", "TAR")
    for point in points:
        behind = _threshold(point.far, point.threshold, point.false_accepts, point.impostors)
        table.add_row(far_text(point.target), _number(point.tar), *behind)
    out.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in (*columns, "achieved FAR", "threshold", ""):
        table.add_column(column, justify="left" if column in ("FAR", "") else "right", overflow="fold")
    return table


def _threshold(achieved: float, threshold: float, false_accepts: int, impostors: int) -> tuple[str, str, str]:
    few = impostors > 0 and false_accepts < FEW_FALSE_ACCEPTS
    return f"{achieved:.3g}" if math.isfinite(achieved) else "–", _number(threshold), _UNRESOLVED if few else ""


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "–"
