"""Where everything of a heat map lies: fields on whole device pixels, names beside and above, colour bar right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize

_GAP = 2.0
#: Pixels that a row of fields has at least, where nothing else is said.
SMALLEST_HEIGHT = 30.0
_LARGEST_WIDTH, _LARGEST_HEIGHT = 176.0, 116.0
#: Fields in which text is as large as elsewhere, and how much larger it gets in the largest.
_USUAL_WIDTH, _USUAL_HEIGHT, _LARGEST_TEXT = 90.0, 52.0, 1.5
_LONGEST_NAME, _LONGEST_SLANTED = 190.0, 130.0
#: Share of the width that names at the side may take where it is more than that.
_NAMES_SHARE = 0.32
_MARGIN = 10.0
_SLANT = math.sqrt(0.5)


@dataclass(frozen=True)
class HeatLayout:
    """Geometry in the widget's pixels; ``columns[k]``…``columns[k + 1]`` are the edges of a column, gap included."""

    columns: tuple[float, ...]
    lines: tuple[float, ...]
    name_width: float
    slanted: bool
    slanted_width: float
    name_height: float
    corner: QRectF
    bar: QRectF
    smallest: QSize
    preferred: QSize

    @property
    def left(self) -> float:
        """Left edge of the fields."""
        return self.columns[0]

    @property
    def top(self) -> float:
        """Top edge of the fields."""
        return self.lines[0]

    @property
    def text_size(self) -> float:
        """How large text may be beside the application's: fields that have room are read from further away."""
        cell = self.field(0, 0)
        room = min(cell.width() / _USUAL_WIDTH, cell.height() / _USUAL_HEIGHT)
        return min(max(round(room, 1), 1.0), _LARGEST_TEXT)

    def field(self, row: int, column: int) -> QRectF:
        """A field without the gap around it."""
        return QRectF(
            QPointF(self.columns[column], self.lines[row]),
            QPointF(self.columns[column + 1] - _GAP, self.lines[row + 1] - _GAP),
        )

    def row_name(self, row: int) -> QRectF:
        """Where a row's name is written."""
        field = self.field(row, 0)
        return QRectF(self.left - self.name_width - 8, field.top(), self.name_width, field.height())

    def hit(self, position: QPointF) -> tuple[int, int] | None:
        """Row and column of the field at a position."""
        row, column = _between(self.lines, position.y()), _between(self.columns, position.x())
        return None if row is None or column is None else (row, column)

    def name_hit(self, position: QPointF) -> int | None:
        """Number of the model whose name, beside or above, is at a position."""
        if position.x() < self.left:
            return _between(self.lines, position.y()) if position.x() > self.left - self.name_width - 12 else None
        if position.y() < self.top:
            lean = self.top - position.y() if self.slanted else 0.0
            return _between(self.columns, position.x() - lean)
        return None


def lay_out(
    width: float,
    height: float,
    names: Sequence[float],
    text_height: float,
    number_width: float,
    corner_width: float,
    bar_room: float,
    pixel_ratio: float,
    smallest_height: float = SMALLEST_HEIGHT,
) -> HeatLayout:
    """Fit fields into ``width`` × ``height``; ``names`` are the widths of the models' names as drawn."""
    longest_name = max(_LONGEST_NAME, _NAMES_SHARE * width)
    longest_slanted = max(_LONGEST_SLANTED, _NAMES_SHARE * height)
    count = max(1, len(names))
    longest = max(names, default=0.0)
    name_width = min(longest + 2, longest_name)
    corner_width = max(name_width, corner_width)
    beside = corner_width + 8 + 2 * _MARGIN + bar_room
    least = number_width + 5
    slanted_width = min(longest, longest_slanted)

    def wide(slanted: bool) -> float:
        overhang = max(0.0, slanted_width * _SLANT - bar_room) if slanted else 0.0
        return min(max((width - beside - overhang) / count, least), _LARGEST_WIDTH)

    slanted = longest + 6 > wide(slanted=False)
    cell_width = wide(slanted)
    above = (slanted_width + text_height) * _SLANT + 8 if slanted else text_height + 8
    above += _MARGIN
    cell_height = min(max((height - above - _MARGIN) / count, smallest_height), _LARGEST_HEIGHT, cell_width)
    used = beside + count * cell_width
    left = max(0.0, (width - used) / 2) + _MARGIN + corner_width + 8

    def on_pixel(value: float) -> float:
        return round(value * pixel_ratio) / pixel_ratio

    columns = tuple(on_pixel(left + number * cell_width) for number in range(count + 1))
    lines = tuple(on_pixel(above + number * cell_height) for number in range(count + 1))
    overhang = max(0.0, slanted_width * _SLANT - cell_width / 2 - bar_room) if slanted else 0.0
    return HeatLayout(
        columns=columns,
        lines=lines,
        name_width=name_width,
        slanted=slanted,
        slanted_width=slanted_width,
        name_height=text_height,
        corner=QRectF(columns[0] - corner_width - 8, lines[0] - text_height - 5, corner_width, text_height),
        bar=QRectF(columns[-1] + 14, lines[0], bar_room - 14, max(lines[-1] - lines[0] - _GAP, 90.0)),
        smallest=QSize(
            math.ceil(beside + overhang + count * least), math.ceil(above + _MARGIN + max(count * smallest_height, 92))
        ),
        preferred=QSize(math.ceil(beside + overhang + count * 72.0), math.ceil(above + _MARGIN + count * 48.0)),
    )


def _between(edges: Sequence[float], value: float) -> int | None:
    for number in range(len(edges) - 1):
        if edges[number] <= value < edges[number + 1]:
            return number
    return None
