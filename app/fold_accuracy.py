"""Accuracy over the folds of the dataset's list of pairs (LFW), of the chosen cell and of those beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from canon_core.jobs import JobContext
from canon_core.study.results import FoldCell, FoldMatrix, FoldSettings

from .chosen_cell import cell_text
from .statistic import Statistic
from .view_state import Pair

if TYPE_CHECKING:
    from canon_core.study.study import Study


class FoldAccuracy(Statistic[FoldMatrix, tuple[FoldSettings, frozenset[Pair]]]):
    """Fold accuracies of the matrix's models and map; a job computes those of some cells."""

    topic = "fold accuracies"

    @property
    def settings(self) -> FoldSettings | None:
        """As the matrix has them; None where the dataset has no folds."""
        matrix, entry = self._computing.matrix, self._document.dataset
        if matrix is None or entry is None or not entry.has_folds or entry.name != matrix.settings.dataset:
            return None
        return FoldSettings(matrix.settings.dataset, matrix.settings.models, matrix.settings.map)

    @property
    def key(self) -> object:
        """The settings, and the embeddings."""
        settings = self.settings
        return None if settings is None else (settings, self._computing.stamp)

    def reader(self, study: Study) -> Callable[[], FoldMatrix]:
        """Reads every cell."""
        settings = self.settings
        assert settings is not None

        def read() -> FoldMatrix:
            from canon_core.experiments.folds import stored_folds

            return stored_folds(study, settings)

        return read

    @property
    def shown(self) -> FoldMatrix | None:
        """What is stored for these settings; None where that is not known yet."""
        return self.found if self.found is not None and self.found.settings == self.settings else None

    @property
    def running(self) -> bool:
        """Whether that of the chosen cell is being computed."""
        chosen = self.chosen
        return chosen is not None and any(
            settings == self.settings and chosen.pair in pairs for settings, pairs in self._jobs
        )

    @property
    def running_everywhere(self) -> bool:
        """Whether those of every cell are being computed."""
        settings = self.settings
        return settings is not None and (settings, frozenset(_every(settings))) in self._jobs

    def compute(self, *, everywhere: bool = False) -> None:
        """Fit and score the folds of the chosen cell and of those it is compared with, or of every cell: a job."""
        settings, chosen = self.settings, self.chosen
        if settings is None or (chosen is None and not everywhere):
            return
        if everywhere or chosen is None:
            self._begin(settings, _every(settings), "every cell")
        else:
            self._begin(settings, chosen.around, cell_text(*chosen.pair))

    def _begin(self, settings: FoldSettings, pairs: tuple[Pair, ...], which: str) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> FoldMatrix:
            from canon_core.experiments.folds import run_folds

            return run_folds(study, settings, ctx, pairs=frozenset(pairs))

        def arrived(cells: list[FoldCell]) -> None:
            shown = self.shown
            if shown is not None and settings == shown.settings:
                known = {**shown.cells, **{(cell.source, cell.target): cell for cell in cells}}
                self._lookup.put(replace(shown, cells=known))

        def finished(_result: FoldMatrix) -> None:
            if self.settings == settings:
                self._lookup.again()

        self._jobs.begin(
            f"Fold accuracy of {which} · {settings.map}",
            work,
            (settings, frozenset(pairs)),
            on_partial=arrived,
            on_result=finished,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings, pairs, which),
        )


def _every(settings: FoldSettings) -> tuple[Pair, ...]:
    return tuple((source, target) for source in settings.models for target in settings.models)
