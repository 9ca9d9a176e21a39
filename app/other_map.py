"""The chosen cell through the map that its own is compared with: what is stored of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from canon_core.study.results import Cell, MatrixSettings

from .statistic import Statistic
from .views.map_comparison import is_comparable, other_map

if TYPE_CHECKING:
    from canon_core.study.study import Study


class OtherMap(Statistic[Cell, MatrixSettings]):
    """Read only: the cell is computed with its own matrix."""

    topic = "the other map"

    @property
    def key(self) -> object:
        """Settings of the matrix, and the cell; None where there is nothing to compare."""
        chosen = self.chosen
        if chosen is None or not is_comparable(chosen.cell, chosen.matrix):
            return None
        return chosen.matrix.settings, chosen.cell.key

    def reader(self, study: Study) -> Callable[[], Cell | None]:
        """Reads the cell of the same settings but for the map."""
        chosen = self.chosen
        assert chosen is not None
        settings, pair = chosen.matrix.settings, chosen.pair
        other = replace(settings, map=other_map(settings.map))

        def read() -> Cell | None:
            from canon_core.experiments.matrix import stored_cell

            return stored_cell(study, other, *pair)

        return read

    @property
    def shown(self) -> Cell | None:
        """The stored cell; None where there is none, or that is not known yet."""
        chosen, found = self.chosen, self.found
        if chosen is None or found is None or not self.known or self.key is None:
            return None
        return found if (found.source, found.target) == chosen.pair else None
