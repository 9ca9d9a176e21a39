"""What is known of the open study beyond its matrix: intervals, errors by group, folds, 1:N search, histograms."""

from __future__ import annotations

from PySide6.QtCore import QObject

from .cell_histogram import CellHistogram
from .cell_intervals import CellIntervals
from .chosen_cell import ChosenCell, chosen_cell
from .computing import Computing
from .document import Document
from .fold_accuracy import FoldAccuracy
from .gallery_search import GallerySearch
from .group_errors import GroupErrors
from .other_map import OtherMap


class Statistics:
    """One of each kind: ``intervals``, ``groups``, ``folds`` and ``other_map`` of any cell, as the inspector shows
    them; ``search`` and ``histogram`` while somebody looks."""

    def __init__(self, document: Document, computing: Computing, parent: QObject) -> None:
        self._document, self._computing = document, computing
        self.intervals = CellIntervals(document, computing, parent, watched=True)
        self.groups = GroupErrors(document, computing, parent, watched=True)
        self.folds = FoldAccuracy(document, computing, parent, watched=True)
        self.other_map = OtherMap(document, computing, parent, watched=True)
        self.search = GallerySearch(document, computing, parent, watched=False)
        self.histogram = CellHistogram(document, computing, parent, watched=False)

    @property
    def chosen(self) -> ChosenCell | None:
        """The cell that is looked at."""
        return chosen_cell(self._document, self._computing)

    def look_again(self) -> None:
        """Something stored was deleted: read what is there now."""
        for each in (self.intervals, self.groups, self.folds, self.other_map, self.search, self.histogram):
            each.look_again()
