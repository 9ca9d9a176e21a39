"""The cell of the matrix that is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from canon_core.study.results import Cell, Matrix

from .computing import Computing
from .document import Document
from .view_state import Pair


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


def cell_text(source: str, target: str) -> str:
    """A cell in the title of its job: ``arcface → magface``, or the name of a model by itself."""
    return source if source == target else f"{source} → {target}"
