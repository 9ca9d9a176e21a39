"""The menu that leaves only some points of an overlay in the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from canon_core.experiments.overlay_filter import OverlayFilter


class OverlayFilterMenu(QMenu):
    """Errors, what is searched for, groups of a covariate; and everything again.

    Signals
    -------
    chosen(filter) : OverlayFilter
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._filter = OverlayFilter()
        self._search = ""
        self._told: object = None
        self.errors = QAction("False neighbours only", self, checkable=True)
        self.found = QAction("What is searched for only", self, checkable=True)
        self.everything = QAction("All points", self)
        self.groups: dict[tuple[str, str], QAction] = {}
        self.errors.triggered.connect(lambda on: self.chosen.emit(replace(self._filter, errors=on)))
        self.found.triggered.connect(lambda on: self._choose_text(self._search if on else ""))
        self.everything.triggered.connect(lambda: self.chosen.emit(OverlayFilter()))

    def show_choices(
        self, now: OverlayFilter, covariates: Mapping[str, Sequence[str]], search: str, refusal: str
    ) -> None:
        """What can be chosen, and what is; ``refusal`` says why there are no false neighbours to show."""
        told = (now, tuple(covariates), search, refusal)
        if told == self._told:
            return
        self._told, self._filter, self._search = told, now, search
        for action in self.actions():
            self.removeAction(action)
            if action.menu() is not None:
                action.menu().deleteLater()
            elif action.isSeparator():
                action.deleteLater()
        self.groups = {}
        self.errors.setChecked(now.errors)
        self.errors.setEnabled(not refusal)
        self.errors.setToolTip(refusal or "Mapped points that find another subject, their own target points, and those"
                               " that they find")  # fmt: skip
        self.found.setChecked(bool(now.text))
        self.found.setEnabled(bool(search or now.text))
        self.found.setToolTip("Subjects and images whose name holds the text in the search field")
        self.addActions([self.errors, self.found])
        for name, groups in covariates.items():
            menu = self.addMenu(name)
            for group in groups:
                action = QAction(group, menu, checkable=True)
                chosen = (now.covariate, now.group) == (name, group)
                action.setChecked(chosen)
                other = replace(now, covariate="" if chosen else name, group="" if chosen else group)
                action.triggered.connect(lambda _on, other=other: self.chosen.emit(other))
                menu.addAction(action)
                self.groups[name, group] = action
        self.addSeparator()
        self.addAction(self.everything)
        self.everything.setEnabled(bool(now.words))

    def _choose_text(self, text: str) -> None:
        self.chosen.emit(replace(self._filter, text=text))
