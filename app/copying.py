"""What is copied of the view in front: the command that gives it, and the methods paragraph behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from canon_core.jobs import JobContext

from .actions import Actions
from .computing import Computing
from .document import Document
from .message_bar import MessageBar, Tone
from .statistics import Statistics
from .views.shown_matrix import matrix_command

if TYPE_CHECKING:
    from .main_window import MainWindow

_TOPIC = "methods paragraph"


class Copying(QObject):
    """Follows the tabs: a view that has a result of its own is told with :meth:`offer`; others show the matrix's."""

    def __init__(
        self,
        window: MainWindow,
        document: Document,
        computing: Computing,
        statistics: Statistics,
        actions: Actions,
        messages: MessageBar,
    ) -> None:
        super().__init__(window)
        self._tabs, self._document, self._computing = window.tabs, document, computing
        self._matrix_view, self._curves = window.matrix_view, window.sensitivity_view
        self._statistics, self._messages = statistics, messages
        self._results: dict[QWidget, Callable[[], Any]] = {}
        actions.connect("edit.copy_command", self.copy_command)
        actions.connect("edit.copy_methods", self.copy_methods)
        self.offer(window.search_view, lambda: window.search_view.matrix)  # none while nothing was searched
        self.offer(window.group_view, lambda: statistics.groups.shown)
        self.offer(window.overlay_view, lambda: window.overlay_view.result)
        self.offer(self._curves, lambda: self._curves.shown and self._curves.shown.results)
        for view in (window.matrix_view, window.roc_view, window.search_view, window.group_view):
            view.copy_button.menu().addAction(actions["edit.copy_methods"])

    def offer(self, view: QWidget, result: Callable[[], Any]) -> None:
        """Let the paragraph be about ``result()`` while this view is in front and has one."""
        self._results[view] = result

    def copy_command(self) -> None:
        """The command line that gives what is shown, to the clipboard."""
        contents, matrix = self._document.contents, self._computing.matrix
        view = self._tabs.currentWidget()
        text = getattr(view, "command", "")
        if refusal := getattr(view, "no_command", ""):
            self._messages.say(refusal, Tone.NOTE)
            return
        if view is self._matrix_view and contents is not None and matrix is not None:
            text = matrix_command(str(contents.path), matrix.settings, self._document.state.rule)
        if text:
            QGuiApplication.clipboard().setText(text)
            self._messages.say(f"Copied: {text}", Tone.DONE)
        else:
            about = self._tabs.tabText(self._tabs.currentIndex())
            self._messages.say(f"'{about}' shows nothing yet that a canon command could give.", Tone.NOTE)

    def copy_methods(self) -> None:
        """The methods paragraph to the clipboard."""
        study, state, matrix = self._document.study, self._document.state, self._computing.matrix
        own = self._results.get(self._tabs.currentWidget())
        result = own() if own is not None else None
        about = self._tabs.tabText(self._tabs.currentIndex())
        if result is None:
            result, about = matrix, "Matrix"
        if study is None or result is None:
            return
        intervals = self._statistics.intervals.shown
        cells = state.cells
        if self._curves.shown is not None and result is self._curves.shown.results:
            cells = self._curves.shown.among or ()

        def write(_ctx: JobContext) -> str:
            from canon_core.experiments.methods_text import methods_text

            return methods_text(
                study, result, state.rule, far=state.far, cells=cells, confidence=intervals
            )

        def written(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            words = len(text.split())
            self._messages.say(f"A methods paragraph of {words:,} words about '{about}' was copied.", Tone.DONE)

        self._document.bridge.ask(
            _TOPIC, write, on_result=written, on_failure=self._document.faulted.emit
        )
