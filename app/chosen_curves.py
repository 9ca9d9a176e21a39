"""Which curves are drawn for the chosen cells, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from canon_core.figures.curve import Curve, CurveRole
from canon_core.jobs import JobContext
from canon_core.study.results import Matrix

from .view_state import Pair

if TYPE_CHECKING:
    from canon_core.study.study import Study
    from canon_core.verification.roc import Roc

#: Curves drawn at once; more would not be told apart.
MAX_CURVES = 12
#: ROCs kept in memory, so that walking through the matrix reads each one once (up to 2.5 MB each).
_KEPT_ROCS = 32


def pairs_to_draw(cells: Sequence[Pair]) -> list[Pair]:
    """The chosen cells, then the single models beside them, each once."""
    singles = [(name, name) for pair in cells for name in pair]
    return list(dict.fromkeys([*cells, *singles]))[:MAX_CURVES]


def read_curves(
    study: Study, matrix: Matrix, cells: Sequence[Pair], rocs: dict[str, Roc], ctx: JobContext
) -> tuple[Curve, ...]:
    """Curves of the chosen cells and of both single models of each; in the engine's interactive thread."""
    from canon_core.experiments.matrix import read_roc

    sources = {source for source, _ in cells}
    curves = []
    for colour, pair in enumerate(pairs_to_draw(cells)):
        cell = matrix.cells.get(pair)
        if cell is None:
            continue
        ctx.check()
        roc = rocs.pop(cell.key, None)
        rocs[cell.key] = roc = read_roc(study, cell) if roc is None else roc  # the latest stands last
        while len(rocs) > _KEPT_ROCS:
            del rocs[next(iter(rocs))]
        single = CurveRole.SOURCE if pair[0] in sources else CurveRole.TARGET
        label = pair[0] if cell.single else f"{cell.source} → {cell.target}"
        curves.append(Curve(label, roc, CurveRole.CELL if pair in cells else single, colour))
    return tuple(curves)
