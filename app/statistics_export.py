"""Writes what the views of identification, groups and scores show: as a figure or as a table, to a file one chooses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from . import file_choosers
from .document import Document
from .message_bar import MessageBar, Tone
from .statistics import Statistics
from .views.group_view import GroupView
from .views.identification_view import IdentificationView
from .views.roc_view import RocView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from canon_core.jobs import JobContext

_FIGURES = {"pdf": "PDF figure", "svg": "SVG figure", "png": "PNG figure"}
_TABLE = {"csv": "CSV table"}


class StatisticsExport:
    """Asks where to, draws or tabulates what is shown just then, and writes it in a job."""

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
        self._window, self._document, self._statistics, self._messages = window, document, statistics, messages
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

    def _ask(self, title: str, name: str, table: Callable[[], str], figure: Callable[[], Figure] | None) -> None:
        contents = self._document.contents
        if contents is None:
            return
        kinds = _TABLE if figure is None else _FIGURES | _TABLE
        plain = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        start = contents.path.parent / f"{plain}.{next(iter(kinds))}"
        path = file_choosers.choose_file_to_write(self._window, title, start, kinds)
        if path is not None:
            self._write(path, table, figure)

    def _write(self, path: Path, table: Callable[[], str], figure: Callable[[], Figure] | None) -> None:
        """Write a table (``.csv``) or a figure (``.pdf``, ``.svg``, ``.png``), by the path's suffix: a job."""

        def work(_ctx: JobContext) -> Path:
            from canon_core.figures.save import save_figure
            from canon_core.store.atomic import write_atomically

            kind = path.suffix.lower().removeprefix(".")
            if kind == "csv" or figure is None:
                write_atomically(path, table().encode("utf-8"))
            else:
                save_figure(figure(), path.with_suffix(""), [kind])
            return path

        self._document.bridge.submit(
            f"Export to {path.name}",
            work,
            on_result=self._written,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._write(path, table, figure),
        )

    def _written(self, path: Path) -> None:
        self._messages.say(
            f"{path} was written.",
            Tone.DONE,
            "Open folder",
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))),
        )
