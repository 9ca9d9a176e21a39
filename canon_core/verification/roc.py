"""Receiver operating characteristic: exact points, and what is read off them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FarRule(StrEnum):
    """How a point of the ROC is chosen for a target FAR (house plan, Words: *threshold*)."""

    NEAREST = "nearest"  #: the point whose FAR is nearest, the larger TAR where tied (the paper's)
    CONSERVATIVE = "conservative"  #: the smallest threshold whose FAR does not exceed the target


@dataclass(frozen=True)
class OperatingPoint:
    """One point of a ROC: pairs are accepted iff score ≥ ``threshold`` (an observed score, or +inf).

    ``target`` is the FAR that was asked for, ``far`` the one achieved.
    """

    target: float
    threshold: float
    false_accepts: int
    impostors: int
    true_accepts: int
    genuine: int

    @property
    def far(self) -> float:
        """Achieved false accept rate; NaN without impostor pairs."""
        return self.false_accepts / self.impostors if self.impostors else float("nan")

    @property
    def tar(self) -> float:
        """True accept rate; NaN without genuine pairs."""
        return self.true_accepts / self.genuine if self.genuine else float("nan")
