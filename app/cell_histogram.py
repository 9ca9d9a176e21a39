"""How the chosen cell's scores are spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from canon_core.jobs import JobContext

from .chosen_cell import cell_text
from .statistic import Statistic

if TYPE_CHECKING:
    from canon_core.study.study import Study
    from canon_core.verification.score_histogram import ScoreHistogram


class CellHistogram(Statistic["ScoreHistogram", str]):
    """The histogram that was kept when the cell was scored; older cells are scored once more for it."""

    topic = "score histogram"

    @property
    def key(self) -> str | None:
        """Content key of the cell."""
        chosen = self.chosen
        return None if chosen is None else chosen.cell.key

    def reader(self, study: Study) -> Callable[[], ScoreHistogram | None]:
        """Reads the histogram."""
        chosen = self.chosen
        assert chosen is not None
        cell = chosen.cell

        def read() -> ScoreHistogram | None:
            from canon_core.experiments.matrix import read_histogram

            return read_histogram(study, cell)

        return read

    @property
    def running(self) -> bool:
        """Whether the cell is being scored again."""
        return bool(self._jobs) and self.key in self._jobs

    def compute(self) -> None:
        """Score the chosen cell once more, to keep its histogram: a job."""
        study, chosen = self._document.study, self.chosen
        if study is None or chosen is None or self.running:
            return
        settings, pair, key = chosen.matrix.settings, chosen.pair, chosen.cell.key

        def work(ctx: JobContext) -> object:
            from canon_core.experiments.cells import open_cells

            return open_cells(study, settings, ctx).compute(*pair, ctx)

        def scored(_: object) -> None:
            if self.key == key:
                self._lookup.again()

        def begin() -> None:
            self._jobs.begin(
                f"Scores of {cell_text(*pair)}",
                work,
                key,
                on_result=scored,
                on_failure=self._document.faulted.emit,
                resume=begin,
            )

        begin()
