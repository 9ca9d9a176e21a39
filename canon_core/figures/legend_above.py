"""The legend above a figure of curves: as many columns as its width holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from canon_core.figures.style import SMALL_SIZE, text_width

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class LegendAbove:
    """Labels, which may have several lines, in ``columns``."""

    labels: tuple[str, ...]
    columns: int

    @classmethod
    def fitting(cls, labels: Sequence[str], width: float, most: int | None = None) -> LegendAbove:
        """In as many columns as ``width`` inches hold, but not more than ``most``."""
        fitting = int(width // max(map(entry_width, labels), default=1.0))
        return cls(tuple(labels), max(1, min(len(labels) if most is None else most, fitting)))

    @property
    def height(self) -> float:
        """Inches that it takes."""
        rows = (self.labels[start : start + self.columns] for start in range(0, len(self.labels), self.columns))
        lines = sum(max(label.count("\n") + 1 for label in row) for row in rows)
        return lines * SMALL_SIZE * 1.45 / 72

    def draw(self, figure: Figure, handles: Sequence[Artist]) -> None:
        """Name each of these; one by one, because a label that begins with an underscore would be left out else."""
        if handles:
            figure.legend(
                handles,
                self.labels,
                loc="outside upper center",
                ncols=self.columns,
                frameon=False,
                handlelength=3.2,
                columnspacing=1.2,
            )


def entry_width(label: str) -> float:
    """Inches that an entry of the legend takes."""
    return text_width(label, SMALL_SIZE) + 0.55
