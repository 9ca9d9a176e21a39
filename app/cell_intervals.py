"""How sure the chosen cell's TARs and differences are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from canon_core.jobs import JobContext
from canon_core.study.confidence_results import CellConfidence, Confidence
from canon_core.study.results import Matrix, MatrixSettings

from .statistic import Statistic
from .view_state import Pair

if TYPE_CHECKING:
    from canon_core.study.study import Study


class CellIntervals(Statistic[Confidence, tuple[MatrixSettings, frozenset[Pair]]]):
    """Intervals of the chosen cell and of those it is compared with; a job makes those of some cells of a matrix."""

    topic = "intervals"

    @property
    def key(self) -> object:
        """Settings of the matrix, and the cell."""
        chosen = self.chosen
        return None if chosen is None else (chosen.matrix.settings, chosen.cell.key)

    def reader(self, study: Study) -> Callable[[], Confidence]:
        """Reads the draws of the cell, and of those it is compared with."""
        chosen = self.chosen
        assert chosen is not None
        settings, pairs = chosen.matrix.settings, chosen.around

        def read() -> Confidence:
            from canon_core.experiments.confidence import stored_confidence

            return stored_confidence(study, settings, pairs=pairs)

        return read

    @property
    def shown(self) -> Confidence | None:
        """What is stored of the chosen cell; None where that is not known yet."""
        chosen, found = self.chosen, self.found
        if chosen is None or found is None or found.settings.matrix != chosen.matrix.settings:
            return None
        cell = found.cells.get(chosen.pair)
        return None if cell is not None and cell.key != chosen.cell.key else found

    @property
    def running(self) -> bool:
        """Whether those of the chosen cell are being computed."""
        chosen = self.chosen
        return chosen is not None and any(
            settings == chosen.matrix.settings and chosen.pair in pairs for settings, pairs in self._jobs
        )

    @property
    def running_everywhere(self) -> bool:
        """Whether those of every cell of the matrix are being computed."""
        matrix = self._computing.matrix
        return matrix is not None and (matrix.settings, frozenset(_possible(matrix))) in self._jobs

    def compute(self, *, everywhere: bool = False) -> None:
        """Draw subjects again for the chosen cell and those it is compared with, or for every cell: a job."""
        matrix, chosen = self._computing.matrix, self.chosen
        if matrix is not None and (everywhere or chosen is not None):
            possible = _possible(matrix)
            around = possible if everywhere or chosen is None else chosen.around
            self._begin(matrix.settings, tuple(pair for pair in around if pair in possible))

    def _begin(self, settings: MatrixSettings, pairs: tuple[Pair, ...]) -> None:
        study = self._document.study
        if study is None or not pairs:
            return

        def work(ctx: JobContext) -> object:
            from canon_core.experiments.confidence import run_confidence

            return run_confidence(study, settings, ctx, pairs=pairs)

        def arrived(cells: list[CellConfidence]) -> None:
            chosen = self.chosen
            here = set(chosen.around) if chosen is not None and chosen.matrix.settings == settings else set()
            if any((cell.source, cell.target) in here for cell in cells):
                self._lookup.again()

        which = f"{len(pairs)} cells" if len(pairs) != 1 else pairs[0][0]
        self._jobs.begin(
            f"Confidence of {which} · {settings.map}, {settings.mode}",
            work,
            (settings, frozenset(pairs)),
            on_partial=arrived,
            on_result=lambda _: self._computing.look_for_more(),  # cells that were missing were scored on the way
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings, pairs),
        )


def _possible(matrix: Matrix) -> tuple[Pair, ...]:
    return tuple(pair for pair in matrix.cells if pair not in matrix.missing)
