"""The list of networks that are to be added: the file, how it stands with it, and a badge."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from ..badge_delegate import BADGE_ROLE, BadgeDelegate
from ..contents import Badge
from .candidates import Candidate


class CandidateList(QTreeWidget):
    """A row a network.

    Attributes
    ----------
    candidates : list of Candidate
        The networks, in the order of the rows.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.candidates: list[Candidate] = []
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAccessibleName("Networks to add")
        self.setItemDelegateForColumn(1, BadgeDelegate(self))
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)

    @property
    def current(self) -> Candidate | None:
        """The network whose row is chosen."""
        row = self.indexOfTopLevelItem(self.currentItem())
        return self.candidates[row] if 0 <= row < len(self.candidates) else None

    @property
    def looking(self) -> bool:
        """Whether any of them is still being looked into."""
        return any(candidate.looking for candidate in self.candidates)

    @property
    def usable(self) -> list[Candidate]:
        """Those that can be added as they are."""
        return [candidate for candidate in self.candidates if candidate.usable]

    def append(self, candidate: Candidate) -> None:
        """Put one more on the list."""
        self.candidates.append(candidate)
        item = QTreeWidgetItem(self)
        item.setToolTip(0, str(candidate.path))

    def drop(self, candidate: Candidate) -> None:
        """Take one off the list."""
        row = self.candidates.index(candidate)
        del self.candidates[row]
        self.takeTopLevelItem(row)

    def choose(self, candidate: Candidate) -> None:
        """Make its row the current one."""
        self.setCurrentItem(self.topLevelItem(self.candidates.index(candidate)))

    def show_states(self, is_there: Callable[[Candidate], bool]) -> None:
        """Say how it stands with each; ``is_there`` tells whether the study has it already."""
        for row, candidate in enumerate(self.candidates):
            item = self.topLevelItem(row)
            item.setText(0, candidate.title)
            item.setText(1, "in the study already" if candidate.usable and is_there(candidate) else candidate.state)
            badge = Badge.NONE if candidate.looking else Badge.COMPLETE if candidate.error is None else Badge.DAMAGED
            item.setData(1, BADGE_ROLE, badge.value)
