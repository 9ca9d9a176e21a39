"""1:N: probes of every model searched in the galleries of every other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from canon_core.jobs import JobContext
from canon_core.study.identification_results import IdentificationCell, IdentificationMatrix, IdentifySettings
from canon_core.study.results import FitMode

from .statistic import Statistic

if TYPE_CHECKING:
    from canon_core.study.study import Study


class GallerySearch(Statistic[IdentificationMatrix, IdentifySettings]):
    """The identification that goes with the matrix."""

    topic = "identification"

    @property
    def settings(self) -> IdentifySettings | None:
        """As the matrix has them; None where nobody can be searched."""
        contents, entry, state = self._document.contents, self._document.dataset, self._document.state
        if contents is None or entry is None or not entry.has_search or state.mode is FitMode.REVERSED:
            return None
        settings = state.settings(contents.model_names)
        if not set(contents.embedded(entry.name)) & set(settings.models):
            return None
        return IdentifySettings(
            settings.dataset, settings.models, settings.map, settings.mode, settings.features, seed=settings.seed
        )

    @property
    def key(self) -> object:
        """The settings, and the embeddings."""
        settings = self.settings
        return None if settings is None else (settings, self._computing.stamp)

    def reader(self, study: Study) -> Callable[[], IdentificationMatrix]:
        """Reads every cell."""
        settings = self.settings
        assert settings is not None

        def read() -> IdentificationMatrix:
            from canon_core.experiments.identify import stored_identification

            return stored_identification(study, settings)

        return read

    @property
    def running(self) -> bool:
        """Whether what is shown is being computed."""
        return bool(self._jobs) and self.settings in self._jobs

    def compute(self) -> None:
        """Search every gallery with the probes of every model: a job."""
        settings = self.settings
        if settings is not None and not self.running:
            self._begin(settings)

    def _begin(self, settings: IdentifySettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> IdentificationMatrix:
            from canon_core.experiments.identify import run_identify

            return run_identify(study, settings, ctx)

        def finished(result: IdentificationMatrix) -> None:
            if self.settings == settings:
                self._lookup.put(result)

        def arrived(cells: list[IdentificationCell]) -> None:
            from canon_core.study.identification_results import with_cell

            shown = self.found
            if shown is None or shown.settings != settings:
                return
            for cell in cells:
                shown = with_cell(shown, cell)
            self._lookup.put(shown)

        self._jobs.begin(
            f"1:N of {settings.dataset} · {settings.map}, {settings.mode}",
            work,
            settings,
            on_partial=arrived,
            on_result=finished,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings),
        )
