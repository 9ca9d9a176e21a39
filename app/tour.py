"""The guided tour: sets the window's state step by step, so that each can be undone, and shows a card beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QWidget

from .actions import Actions
from .computing import Computing
from .document import Document
from .tour_card import TourCard
from .tour_steps import TourStep, best_cell, step_text, tour_steps

if TYPE_CHECKING:
    from .main_window import MainWindow


class Tour(QObject):
    """Five steps on the study that is open. It ends when that is closed."""

    def __init__(self, window: MainWindow, document: Document, computing: Computing, actions: Actions) -> None:
        super().__init__(window)
        self._window, self._document, self._computing, self._actions = window, document, computing, actions
        self._steps: tuple[TourStep, ...] = ()
        self._number = 0
        self.card: TourCard | None = None
        document.closed.connect(self.end)
        document.stateChanged.connect(self._say)
        computing.matrixChanged.connect(self._say)

    @property
    def running(self) -> bool:
        """Whether the card is there."""
        return self.card is not None

    def begin(self) -> None:
        """Start at the first step."""
        if self._document.contents is None:
            return
        if self.card is None:
            self.card = TourCard(self._window)
            self.card.nextRequested.connect(lambda: self._go(self._number + 1))
            self.card.backRequested.connect(lambda: self._go(self._number - 1))
            self.card.closeRequested.connect(self.end)
        self._window.messages.hide()
        self._go(0)
        self.card.next_button.setFocus()

    def end(self) -> None:
        """Take the card away; what the steps set stays, and can be undone."""
        card, self.card = self.card, None
        if card is not None:
            focused = self._window.focusWidget()
            card.take_away()
            if focused is not None and card.isAncestorOf(focused):
                self._focus_view()

    def _focus_view(self) -> None:
        """Give the keyboard to the first thing in the view that takes it, not to whatever comes after the card; to none
        where an arrow key would choose something else."""
        view = self._window.tabs.currentWidget()
        each = view.nextInFocusChain()
        while view.isAncestorOf(each):
            chooses = isinstance(each, QComboBox | QAbstractSpinBox)
            if each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.isVisible() and each.isEnabled() and not chooses:
                each.setFocus(Qt.FocusReason.TabFocusReason)
                return
            each = each.nextInFocusChain()

    def _go(self, number: int) -> None:
        if self.card is None:
            return
        names = [self._window.tabs.tabText(index) for index in range(self._window.tabs.count())]
        self._steps = tour_steps(names, best_cell(self._computing.matrix, self._document.state.rule))
        if number >= len(self._steps):
            self.end()
            return
        self._number = max(0, number)
        step = self._steps[self._number]
        if step.tab in names:
            self._window.tabs.setCurrentIndex(names.index(step.tab))
        if step.sets:
            self._document.change(f"Tour: {step.title}", **step.sets)
        self._say()
        self.card.point_at(self._target(step))

    def _say(self, *_: object) -> None:
        contents = self._document.contents
        if self.card is None or contents is None or not self._steps:
            return
        step = self._steps[self._number]
        text = step_text(self._number, step.tab, contents, self._document.state, self._computing.matrix)
        self.card.show_step(self._number, len(self._steps), step.title, text)

    def _target(self, step: TourStep) -> QWidget:
        window = self._window
        return {
            "faces": window.faces_view,
            "matrix": window.matrix_view.heat_map,
            "roc": window.roc_view.plot,
            "inspector": window.inspector,
        }.get(step.target, window.tabs.currentWidget())
