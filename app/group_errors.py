"""Errors of the chosen cell by group of people or of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from canon_core.jobs import JobContext
from canon_core.study.group_results import GroupRates, GroupSettings

from .chosen_cell import cell_text
from .statistic import Statistic

if TYPE_CHECKING:
    from canon_core.study.study import Study


class GroupErrors(Statistic[GroupRates, GroupSettings]):
    """Rates of the groups of one covariate, at the one threshold of the chosen cell."""

    topic = "rates of groups"

    @property
    def covariates(self) -> tuple[str, ...]:
        """By which the chosen dataset's templates can be grouped."""
        entry = self._document.dataset
        return () if entry is None or entry.templates is None else entry.templates.covariates

    @property
    def covariate(self) -> str:
        """The one that is chosen, the first unless one is; empty without any."""
        names = self.covariates
        wanted = self._document.state.covariate
        return wanted if wanted in names else (names[0] if names else "")

    @property
    def settings(self) -> GroupSettings | None:
        """Of the rates that are shown; None without a cell or a covariate."""
        chosen, state = self.chosen, self._document.state
        if chosen is None or not self.covariate or state.far not in chosen.matrix.settings.far:
            return None
        return GroupSettings(chosen.matrix.settings, *chosen.pair, self.covariate, state.far, state.rule)

    @property
    def key(self) -> object:
        """The settings, and the cell."""
        settings, chosen = self.settings, self.chosen
        return None if settings is None or chosen is None else (settings, chosen.cell.key)

    def reader(self, study: Study) -> Callable[[], GroupRates | None]:
        """Reads the rates."""
        settings = self.settings
        assert settings is not None

        def read() -> GroupRates | None:
            from canon_core.experiments.groups import stored_groups

            return stored_groups(study, settings)

        return read

    @property
    def shown(self) -> GroupRates | None:
        """What is stored for these settings."""
        return self.found if self.found is not None and self.found.settings == self.settings else None

    @property
    def running(self) -> bool:
        """Whether the rates that are shown are being counted."""
        return bool(self._jobs) and self.settings in self._jobs

    def compute(self) -> None:
        """Count errors by group at the chosen cell's threshold: a job."""
        settings = self.settings
        if settings is not None:
            self._begin(settings)

    def _begin(self, settings: GroupSettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> GroupRates:
            from canon_core.experiments.groups import run_groups

            return run_groups(
                study,
                settings.matrix,
                settings.source,
                settings.target,
                settings.covariate,
                settings.far,
                settings.rule,
                ctx,
            )

        def counted(result: GroupRates) -> None:
            if self.settings == settings:
                self._lookup.put(result)

        self._jobs.begin(
            f"Errors by {settings.covariate} of {cell_text(settings.source, settings.target)}",
            work,
            settings,
            on_result=counted,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings),
        )
