"""What the window shows of a study: choices a user makes, undoes, and finds again the next time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from canon_core.demo.networks import DATASET
from canon_core.maps.kinds import MapKind
from canon_core.study.results import DEFAULT_FAR, Features, FitMode, MatrixSettings, default_rule, stands_beside
from canon_core.verification.roc import FarRule

from .overlay_choice import OverlayChoice
from .sensitivity_choice import SensitivityChoice

#: A cell of the matrix: source and target.
Pair = tuple[str, str]
_Choice = TypeVar("_Choice", bound=StrEnum)
_Item = TypeVar("_Item")
#: Cells whose curves are drawn at once; a saved state that names more is cut.
MAX_SELECTED = 64


#: Modes that datasets of single images, and those of templates, can have; the first stands for one they cannot have.
IMAGE_MODES = (FitMode.DISJOINT, FitMode.IN_SAMPLE)
TEMPLATE_MODES = (FitMode.DISJOINT, FitMode.AUTHORS, FitMode.REVERSED)


class Focus(StrEnum):
    """What the inspector shows."""

    CELL = "cell"
    MODEL = "model"
    DATASET = "dataset"


@dataclass(frozen=True)
class ViewState:
    """One selection and one set of settings for every view.

    Attributes
    ----------
    dataset : str
        Dataset whose matrix is shown; empty without one.
    left_out : frozenset of str
        Models that are kept out of the matrix.
    map, mode, seed, features :
        Settings of the matrix.
    far, rule :
        Where its ROCs are read.
    cells : tuple of (source, target)
        Chosen cells; the last one is in the inspector.
    model : str
        Model chosen in the study tree; empty without one.
    focus :
        Which of the three the inspector shows.
    measure : str
        What of the 1:N identification its matrix shows: ``rank-1``, ``TPIR@1e-2``, …
    covariate : str
        By which groups of templates errors are told; empty for the dataset's first.
    sensitivity : SensitivityChoice
        Which curves of TAR against fit pairs are shown, and their steps.
    overlay : OverlayChoice
        Which overlay is shown, and how.
    """

    dataset: str = ""
    left_out: frozenset[str] = frozenset()
    map: MapKind = MapKind.LINEAR
    mode: FitMode = FitMode.DISJOINT
    seed: int = 0
    features: Features = Features.PAPER
    far: float = 1e-2
    rule: FarRule = FarRule.CONSERVATIVE
    cells: tuple[Pair, ...] = ()
    model: str = ""
    focus: Focus = Focus.CELL
    measure: str = "rank-1"
    covariate: str = ""
    sensitivity: SensitivityChoice = field(default_factory=SensitivityChoice)
    overlay: OverlayChoice = field(default_factory=OverlayChoice)

    def settings(self, models: Iterable[str]) -> MatrixSettings:
        """The matrix's settings, for these models without the ones left out."""
        return MatrixSettings(
            dataset=self.dataset,
            models=tuple(name for name in models if name not in self.left_out),
            map=self.map,
            mode=self.mode,
            features=self.features,
            far=DEFAULT_FAR,
            seed=self.seed,
        )

    def with_mode(self, mode: FitMode) -> ViewState:
        """The same with another fit mode. The FAR rule goes along where it is the default of the mode before."""
        rule = default_rule(mode) if self.rule is default_rule(self.mode) else self.rule
        return replace(self, mode=mode, rule=rule)

    def fitting(
        self, models: Iterable[str], datasets: Iterable[str], templates: Collection[str] = ()
    ) -> ViewState:
        """The same without names that the study does not have (any more); some dataset where there is one; and a mode
        and features that this dataset can have. ``templates`` names the datasets that compare templates."""
        models, datasets = tuple(models), tuple(datasets)
        shown = {name for name in models if name not in self.left_out}
        dataset = self.dataset if self.dataset in datasets else (datasets[0] if datasets else "")
        modes = TEMPLATE_MODES if dataset in templates else IMAGE_MODES
        state = self if self.mode in modes or not dataset else self.with_mode(modes[0])
        return replace(
            state,
            dataset=dataset,
            features=self.features if dataset in templates or not dataset else Features.PAPER,
            left_out=self.left_out & frozenset(models),
            cells=tuple(pair for pair in self.cells if shown.issuperset(pair)),
            model=self.model if self.model in models else "",
        )

    def renamed(self, *, model: Pair | None = None, dataset: Pair | None = None) -> ViewState:
        """The same after a model or a dataset (old, new) got another name."""
        state = self
        if model is not None:
            old, new = model

            def now(name: str) -> str:
                return new if name == old else name

            state = replace(
                state,
                left_out=frozenset(map(now, state.left_out)),
                cells=tuple((now(source), now(target)) for source, target in state.cells),
                model=now(state.model),
            )
        if dataset is not None and state.dataset == dataset[0]:
            state = replace(state, dataset=dataset[1])
        if dataset is not None:
            state = replace(state, overlay=state.overlay.with_dataset_renamed(*dataset))
        return state

    def to_json(self) -> dict[str, Any]:
        """As it stands in the study's manifest."""
        return {
            "dataset": self.dataset,
            "left_out": sorted(self.left_out),
            "map": str(self.map),
            "mode": str(self.mode),
            "seed": self.seed,
            "features": str(self.features),
            "far": self.far,
            "rule": str(self.rule),
            "cells": [list(pair) for pair in self.cells],
            "model": self.model,
            "focus": str(self.focus),
            "measure": self.measure,
            "covariate": self.covariate,
            "sensitivity": self.sensitivity.to_json(),
            "overlay": self.overlay.to_json(),
        }

    @classmethod
    def at_first(cls, models: Iterable[str], datasets: Collection[str]) -> ViewState:
        """Of a study that no window showed yet; of the demo the networks that stand for themselves, as ``canon demo``
        leaves it: controls and twins are a tick away."""
        beside = filter(stands_beside, models) if DATASET in datasets else ()
        return cls(left_out=frozenset(beside))

    @classmethod
    def from_json(cls, saved: object) -> ViewState:
        """Read it back. What is not understood (a damaged or foreign file) falls back to the default, key by key."""
        values: Mapping[str, object] = saved if isinstance(saved, Mapping) else {}
        default = cls()
        return cls(
            dataset=_text(values.get("dataset")),
            left_out=frozenset(_list(values.get("left_out"), _text)),
            map=_choice(MapKind, values.get("map"), default.map),
            mode=_choice(FitMode, values.get("mode"), default.mode),
            seed=_seed(values.get("seed")),
            features=_choice(Features, values.get("features"), default.features),
            far=next((far for far in DEFAULT_FAR if far == values.get("far")), default.far),
            rule=_choice(FarRule, values.get("rule"), default.rule),
            cells=tuple(_list(values.get("cells"), _pair))[:MAX_SELECTED],
            model=_text(values.get("model")),
            focus=_choice(Focus, values.get("focus"), default.focus),
            measure=_text(values.get("measure")) or default.measure,
            covariate=_text(values.get("covariate")),
            sensitivity=SensitivityChoice.from_json(values.get("sensitivity")),
            overlay=OverlayChoice.from_json(values.get("overlay")),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _pair(value: object) -> Pair | None:
    names = [_text(name) for name in value] if isinstance(value, list | tuple) else []
    return (names[0], names[1]) if len(names) == 2 and all(names) else None


def _list(value: object, read: Callable[[object], _Item | None]) -> list[_Item]:
    items = [read(item) for item in value] if isinstance(value, list) else []
    return [item for item in items if item]


def _choice(kind: type[_Choice], value: object, default: _Choice) -> _Choice:
    return kind(value) if isinstance(value, str) and value in list(kind) else default


def _seed(value: object) -> int:
    # What the spin box of the matrix view holds; a bool is an int to Python, not to a user.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999_999 else 0
