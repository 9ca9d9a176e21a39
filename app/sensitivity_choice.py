"""Which curves of sensitivity are wanted, and how they are made: a choice a user makes, undoes, and finds again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.study.results import DEFAULT_FAR, FitMode, MatrixSettings
from canon_core.study.sensitivity_results import DEFAULT_REPEATS, SensitivitySettings

#: Maps whose curves can be drawn, in the order of their buttons.
MAPS: Final = (MapKind.LINEAR, MapKind.ROTATION)
#: What the spin box of repetitions holds.
MOST_REPEATS: Final = 99
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True)
class SensitivityChoice:
    """Maps and fit modes whose curves are drawn together, and the steps they have.

    Attributes
    ----------
    maps, modes :
        At least one of each; those of ``modes`` that the dataset cannot have are left out.
    pairs : tuple of int
        Fit pairs of each step, 0 for all; empty for 32, 64, … and all.
    repeats : int
        Random subsets of each step.
    chosen : bool
        Whether means are over the cells that are chosen in the matrix, else over all.
    """

    maps: tuple[MapKind, ...] = MAPS
    modes: tuple[FitMode, ...] = (FitMode.DISJOINT,)
    pairs: tuple[int, ...] = ()
    repeats: int = DEFAULT_REPEATS
    chosen: bool = False

    def modes_of(self, possible: Sequence[FitMode]) -> tuple[FitMode, ...]:
        """The modes to draw of a dataset that can have some; its first where it has none of the chosen ones."""
        return tuple(mode for mode in possible if mode in self.modes) or (possible[0],)

    def settings(self, matrix: MatrixSettings, possible: Sequence[FitMode]) -> tuple[SensitivitySettings, ...]:
        """Of each curve, by the matrix's models, features and seed; read at every FAR that the matrix has."""
        return tuple(
            SensitivitySettings(
                dataset=matrix.dataset,
                models=matrix.models,
                map=kind,
                mode=mode,
                features=matrix.features,
                pairs=self.pairs,
                repeats=self.repeats,
                far=DEFAULT_FAR,
                seed=matrix.seed,
            )
            for mode in self.modes_of(possible)
            for kind in MAPS
            if kind in self.maps
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in the study's manifest."""
        return {
            "maps": [str(kind) for kind in self.maps],
            "modes": [str(mode) for mode in self.modes],
            "pairs": list(self.pairs),
            "repeats": self.repeats,
            "chosen": self.chosen,
        }

    @classmethod
    def from_json(cls, saved: object) -> SensitivityChoice:
        """Read it back. What is not understood falls back to the default, key by key."""
        values: Mapping[str, object] = saved if isinstance(saved, Mapping) else {}
        default = cls()
        repeats = values.get("repeats")
        pairs = values.get("pairs")
        whole = isinstance(pairs, list) and all(type(count) is int and (count == 0 or count >= 2) for count in pairs)
        return cls(
            maps=_words(MAPS, values.get("maps")) or default.maps,
            modes=_words(tuple(FitMode), values.get("modes")) or default.modes,
            pairs=tuple(pairs) if whole and isinstance(pairs, list) else default.pairs,
            repeats=repeats if type(repeats) is int and 1 <= repeats <= MOST_REPEATS else default.repeats,
            chosen=values.get("chosen") is True,
        )


def read_pairs(text: str) -> tuple[int, ...]:
    """Steps as they are typed: ``32, 64, all``; empty text stands for the steps unless others are asked for.

    Raises
    ------
    SettingsError
        Naming what is no number of pairs.
    """
    counts = []
    for word in text.replace(",", " ").replace(";", " ").replace("…", " ").split():
        if word.lower() == "all":
            counts.append(0)
            continue
        if not (word.isascii() and word.isdigit()) or not int(word[:12]) >= 2:
            raise SettingsError(f"'{word}' is no number of fit pairs", remedy="give for example 32, 128, 512, all")
        counts.append(int(word[:12]))
    return tuple(dict.fromkeys(sorted(counts, key=lambda count: count or float("inf"))))


def pairs_text(pairs: Sequence[int]) -> str:
    """Steps as they can be typed."""
    return ", ".join(str(count) if count else "all" for count in pairs)


def _words(kind: tuple[_Word, ...], values: object) -> tuple[_Word, ...]:
    return tuple(word for word in kind if word in values) if isinstance(values, list) else ()
