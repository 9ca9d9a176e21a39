"""What the views of identification, groups and scores show, as a figure or as a table to be written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from .document import Document
from .message_bar import MessageBar
from .shown_export import ShownExport
from .statistics import Statistics
from .views.group_view import GroupView
from .views.identification_view import IdentificationView
from .views.roc_view import RocView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class StatisticsExport:
    """Draws or tabulates what is shown just then."""

    def __init__(
        self,
        window: QWidget,
        document: Document,
        statistics: Statistics,
        messages: MessageBar,
        *,
        search: IdentificationView,
        groups: GroupView,
        roc: RocView,
    ) -> None:
        self._document, self._statistics = document, statistics
        self._ask = ShownExport(window, document, messages).ask
        self._search, self._groups, self._roc = search, groups, roc

    def search(self) -> None:
        """CMC curves as a figure, or every number of the identification as a table."""
        from canon_core.figures.statistics_tables import identification_csv

        found, curves, rule = self._search.matrix, self._search.curves, self._document.state.rule
        if found is None:
            return
        line = self._search.settings_line

        def figure() -> Figure:
            from canon_core.figures.cmc_figure import cmc_figure

            return cmc_figure(curves, settings_line=line)

        settings = found.settings
        name = f"{settings.dataset}-{settings.map}-{settings.mode}-1N"
        self._ask("Export 1:N", name, partial(identification_csv, found, rule), figure)

    def groups(self) -> None:
        """Every rate of groups with its counts and interval as a table."""
        from canon_core.figures.statistics_tables import groups_csv

        found = self._groups.found
        if found is not None:
            settings = found.settings
            name = f"{settings.matrix.dataset}-{settings.source}-{settings.target}-{settings.covariate}"
            self._ask("Export errors by group", name, partial(groups_csv, found), None)

    def scores(self) -> None:
        """The histogram as a figure, or all its bins as a table."""
        from canon_core.figures.statistics_tables import histogram_csv

        shown, axis, line = self._roc.scores, self._roc.scores_plot.axis, self._roc.settings_line
        histogram = self._statistics.scores
        if shown is None or histogram is None:
            return

        def figure() -> Figure:
            from canon_core.figures.histogram_figure import histogram_figure

            return histogram_figure(
                shown.histogram, axis=axis, threshold=shown.threshold, title=shown.title, settings_line=line
            )

        name = f"{self._document.state.dataset}-{shown.title.replace(' → ', '-')}-scores"
        self._ask("Export scores", name, partial(histogram_csv, histogram, line), figure)
