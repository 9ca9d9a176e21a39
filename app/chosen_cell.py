"""The cell of the matrix that is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from canon_core.study.results import Cell, Matrix

from .computing import Computing
from .document import Document
from .view_state import Pair
from .views.shown_matrix import title_of, why_missing


@dataclass(frozen=True)
class ChosenCell:
    """The cell chosen last, and the matrix it belongs to."""

    cell: Cell
    matrix: Matrix

    @property
    def pair(self) -> Pair:
        """Source and target."""
        return self.cell.source, self.cell.target

    @property
    def around(self) -> tuple[Pair, ...]:
        """The cell and those it is compared with: both single models, and the other way round."""
        source, target = self.pair
        return tuple(dict.fromkeys([self.pair, (source, source), (target, target), (target, source)]))


def chosen_cell(document: Document, computing: Computing) -> ChosenCell | None:
    """The cell chosen last, where it has a number."""
    matrix, cells = computing.matrix, document.state.cells
    cell = matrix.cells.get(cells[-1]) if matrix is not None and cells else None
    return None if matrix is None or cell is None else ChosenCell(cell, matrix)


def unscored_text(document: Document, computing: Computing) -> str:
    """Why the cell chosen last has no number, and what comes of it; empty where it has one, or none is chosen."""
    matrix, cells = computing.matrix, document.state.cells
    if matrix is None or not cells or not set(cells[-1]) <= set(matrix.models):
        return ""
    if matrix.cells.get(cells[-1]) is not None:
        return ""
    title, others = title_of(*cells[-1]), len(computing.pending) - 1
    if cells[-1] in computing.pending:
        among = f", among {others} other{'s' * (others != 1)} that are not there yet" * (others > 0)
        return f"{title} is being computed{among}. How far that is, is shown below."
    return f"{title} has no scores: {why_missing(matrix, cells[-1], pending=False)}."


def cell_text(source: str, target: str) -> str:
    """A cell in the title of its job: ``arcface → magface``, or the name of a model by itself."""
    return source if source == target else f"{source} → {target}"
