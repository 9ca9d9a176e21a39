"""Which fields of a heat map are chosen, and which one the keyboard is at. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from .shown_matrix import Pair, ShownMatrix


class HeatChoice:
    """Chosen with Ctrl, a field comes to the others or leaves them; without, it takes their place.

    Attributes
    ----------
    pairs : tuple of (source, target)
        The chosen fields, in the order in which they were chosen.
    current : (source, target) or None
        The field the keyboard is at.
    """

    def __init__(self) -> None:
        self.pairs: tuple[Pair, ...] = ()
        self.current: Pair | None = None

    def keep(self, models: Sequence[str]) -> None:
        """Of other ``models`` than before, only their fields stay chosen, or current."""
        self.pairs = _among(self.pairs, models)
        if self.current is not None and not _among((self.current,), models):
            self.current = None

    def replace(self, pairs: Sequence[Pair], models: Sequence[str]) -> None:
        """Choose these fields, as far as they are of these ``models``; the last is current, unless one of them was."""
        self.pairs = _among(pairs, models)
        if self.pairs and self.current not in self.pairs:
            self.current = self.pairs[-1]

    def choose(self, pair: Pair, *, toggle: bool) -> bool:
        """Choose a field, or with ``toggle`` take it to the chosen ones or from them; whether they changed."""
        self.current, before = pair, self.pairs
        if not toggle:
            self.pairs = (pair,)
        elif pair in before:
            self.pairs = tuple(other for other in before if other != pair)
        else:
            self.pairs = (*before, pair)
        return self.pairs != before

    def beside(self, shown: ShownMatrix, down: int, right: int) -> Pair:
        """The field so many rows and columns from the current one, or the last on the way; the first where none is."""
        row, column = 0, 0
        if self.current is not None:
            row, column = shown.at(self.current)
            last = len(shown.order) - 1
            row, column = min(max(row + down, 0), last), min(max(column + right, 0), last)
        return shown.rows[row][column].pair


def _among(pairs: Sequence[Pair], models: Sequence[str]) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if pair[0] in models and pair[1] in models)
