"""Which overlay is wanted, and how it is looked at: a choice a user makes, undoes, and finds again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.experiments.overlay_look import OverlayLook
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import DEFAULT_MIN_DIST, DEFAULT_NEIGHBOURS, OverlayLevel

#: What the spin boxes hold, and subjects that may be chosen by name: more make no command that anybody reads.
MOST_SUBJECTS: Final = 999_999
MOST_NEIGHBOURS: Final = 500
MOST_CHOSEN: Final = 200
#: Further datasets and hidden classes that are remembered.
_MOST_ADDED, _MOST_HIDDEN = 11, 16


@dataclass(frozen=True)
class OverlayChoice:
    """What only the overlay has; map, fit, seed and features are those of the matrix, source and target its cell's.

    Attributes
    ----------
    all_sources : bool
        Every other model goes into the target, not the cell's source alone.
    subjects, neighbours, min_dist :
        As :class:`canon_core.study.overlay_results.OverlaySettings`.
    chosen, chosen_in :
        Names of the only subjects that are shown, and the dataset that they are of; another has subjects of its own.
    added : tuple of str
        Further datasets whose points are shown; ones that do not fit are left aside.
    same_names : bool
        Whether subjects of the same name in several datasets are one person.
    colour, only, hidden, lines :
        As :class:`canon_core.experiments.overlay_look.OverlayLook`; what does not fit is left aside.
    """

    all_sources: bool = False
    method: OverlayMethod = OverlayMethod.UMAP
    level: OverlayLevel = OverlayLevel.IMAGES
    subjects: int | None = None
    chosen: tuple[str, ...] = ()
    chosen_in: str = ""
    neighbours: int = DEFAULT_NEIGHBOURS
    min_dist: float = DEFAULT_MIN_DIST
    added: tuple[str, ...] = ()
    same_names: bool = False
    colour: str = "model"
    only: OverlayFilter = field(default_factory=OverlayFilter)
    hidden: tuple[str, ...] = ()
    lines: bool = False

    @property
    def look(self) -> OverlayLook:
        """How it is looked at."""
        return OverlayLook(self.colour, self.only, self.hidden, self.lines)

    def chosen_of(self, dataset: str) -> tuple[str, ...]:
        """The only subjects of a dataset that are shown; empty for all that the other settings show."""
        return self.chosen if dataset == self.chosen_in else ()

    def with_dataset_renamed(self, old: str, new: str) -> OverlayChoice:
        """The same after a dataset got another name."""
        return replace(
            self,
            chosen_in=new if self.chosen_in == old else self.chosen_in,
            added=tuple(new if name == old else name for name in self.added),
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in the study's manifest."""
        return {
            "all_sources": self.all_sources,
            "method": str(self.method),
            "level": str(self.level),
            "subjects": self.subjects,
            "chosen": list(self.chosen),
            "chosen_in": self.chosen_in,
            "neighbours": self.neighbours,
            "min_dist": self.min_dist,
            "added": list(self.added),
            "same_names": self.same_names,
            "colour": self.colour,
            "only": asdict(self.only),
            "hidden": list(self.hidden),
            "lines": self.lines,
        }

    @classmethod
    def from_json(cls, saved: object) -> OverlayChoice:
        """Read it back. What is not understood falls back to the default, key by key."""
        values: Mapping[str, object] = saved if isinstance(saved, Mapping) else {}
        default = cls()
        chosen_in, colour = values.get("chosen_in"), values.get("colour")
        return cls(
            all_sources=values.get("all_sources") is True,
            method=next((each for each in OverlayMethod if each == values.get("method")), default.method),
            level=next((each for each in OverlayLevel if each == values.get("level")), default.level),
            subjects=_whole(values.get("subjects"), 0, MOST_SUBJECTS, default.subjects),
            chosen=_names(values.get("chosen"), MOST_CHOSEN),
            chosen_in=chosen_in if isinstance(chosen_in, str) else default.chosen_in,
            neighbours=_whole(values.get("neighbours"), 2, MOST_NEIGHBOURS, None) or default.neighbours,
            min_dist=_between(values.get("min_dist"), 0.0, 1.0, default.min_dist),
            added=tuple(dict.fromkeys(_names(values.get("added"), _MOST_ADDED))),
            same_names=values.get("same_names") is True,
            colour=colour if isinstance(colour, str) and colour else default.colour,
            only=_filter(values.get("only")),
            hidden=_names(values.get("hidden"), _MOST_HIDDEN),
            lines=values.get("lines") is True,
        )


def _names(value: object, most: int) -> tuple[str, ...]:
    """A list of names; none where anything else is among them."""
    if isinstance(value, list) and all(isinstance(name, str) and name for name in value):
        return tuple(value[:most])
    return ()


def _filter(saved: object) -> OverlayFilter:
    values: Mapping[str, object] = saved if isinstance(saved, Mapping) else {}
    text, covariate, group = (
        value if isinstance(value := values.get(name), str) else "" for name in ("text", "covariate", "group")
    )
    grouped = bool(covariate and group)
    return OverlayFilter(
        errors=values.get("errors") is True,
        text=text.strip(),
        covariate=covariate if grouped else "",
        group=group if grouped else "",
    )


def _whole(value: object, least: int, most: int, default: int | None) -> int | None:
    return value if type(value) is int and least <= value <= most else default


def _between(value: object, low: float, high: float, default: float) -> float:
    return float(value) if type(value) in (int, float) and low <= value <= high else default  # type: ignore[operator]
