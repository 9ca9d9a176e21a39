"""The drawing of an overlay: its plot with the legend, the slider, and the lines that say what is not in it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ..theme import SMALL
from .bar_buttons import tool_button
from .blend_slider import BlendSlider
from .labels import TextLabel
from .point_card import PointCard
from .scatter_legend import ScatterLegend
from .scatter_plot import ScatterPlot
from .scatter_points import PlacedPoint, ScatterPoints

#: Entries of a legend that stand above the plot; more take a column beside it, where there is room.
_MOST_ABOVE = 6


class OverlayDrawing(QWidget):
    """What is chosen in the legend and at the slider is seen in the plot."""

    def __init__(self) -> None:
        super().__init__()
        self.legend, self.plot, self.slider = ScatterLegend(), ScatterPlot(), BlendSlider()
        self.plot.setAccessibleName("Overlay of aligned spaces")
        self.card = PointCard(self.plot)
        self.left_text = TextLabel(muted=True, size=SMALL)
        self.left_text.setAccessibleName("Filtered points")
        self.all_points_button = tool_button("Show all", "Take back filters, and show every class")
        self._left = QWidget()
        row = QHBoxLayout(self._left)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.left_text, 1)
        row.addWidget(self.all_points_button)
        self._left.hide()
        self.placed_note = TextLabel(muted=True, size=SMALL)
        self.placed_note.setAccessibleName("Marked faces")
        self.placed_note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._above, self._beside = QHBoxLayout(), QHBoxLayout()
        self._above.addWidget(self.legend)
        column.addLayout(self._above)
        column.addWidget(self._left)
        column.addWidget(self.placed_note)
        self._beside.setSpacing(8)
        self._beside.addWidget(self.plot, 1)
        column.addLayout(self._beside, 1)
        column.addWidget(self.slider)
        self.slider.moved.connect(self.plot.set_blend)
        self.legend.toggled.connect(self.plot.set_shown)

    def set_points(self, points: ScatterPoints | None, *, same_points: bool, same_layout: bool) -> None:
        """Show these points, as :meth:`ScatterPlot.set_points`, where the slider stands."""
        self.plot.set_points(points, same_points=same_points, same_layout=same_layout)
        if points is not None:
            self.legend.set_points(points, self.plot.shown)
            self._place_legend()
            self.plot.set_blend(self.slider.blend)

    def _place_legend(self) -> None:
        """Above the plot, or of many classes beside it: the window is wide, and height is what the plot needs."""
        many = len(self.legend.entries) > _MOST_ABOVE
        here, there = (self._beside, self._above) if many else (self._above, self._beside)
        there.removeWidget(self.legend)
        if here.indexOf(self.legend) < 0:
            here.addWidget(self.legend)
        self.legend.set_column(many)

    def set_left(self, text: str, *, filtered: bool) -> None:
        """Say which points are not in the picture, and what cannot be told of them; with a button that shows everything
        where something is ``filtered``."""
        self.left_text.setText(text)
        self.all_points_button.setVisible(filtered)
        self._left.setVisible(bool(text))

    def set_hidden(self, names: Sequence[str]) -> None:
        """Hide the classes of these names, and show all others."""
        if self.plot.points is not None:
            for code, each in enumerate(self.plot.points.classes):
                self.plot.set_shown(code, not each.hidden and each.name not in names)
            self.legend.set_shown(self.plot.shown)

    def set_placed(self, placed: Sequence[PlacedPoint], words: str) -> None:
        """Mark faces that are no points of the overlay, and say how they came to their places."""
        self.plot.set_placed(placed)
        self.placed_note.setText(words)
        self.placed_note.setVisible(bool(words))
