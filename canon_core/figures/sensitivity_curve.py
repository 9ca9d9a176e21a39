"""Curves of TAR against the number of fit pairs: what they go through, and how they are told apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from canon_core.figures.palette import SeriesStyle, series_style
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FEW_PAIRS_PER_DIMENSION, FitMode, far_text
from canon_core.study.sensitivity_results import Pair, Sensitivity, models_of
from canon_core.verification.roc import FarRule

#: Colour and shape stand for the map, dashes (on and off, in pen widths; none for a solid line) for the fit mode.
_MAPS: Final = (MapKind.LINEAR, MapKind.ROTATION, MapKind.AFFINE)
_DASHES: Final[dict[FitMode, tuple[float, float] | None]] = {
    FitMode.DISJOINT: None,
    FitMode.AUTHORS: (6.0, 2.5),
    FitMode.IN_SAMPLE: (6.0, 2.5),
    FitMode.REVERSED: (2.0, 2.0),
}
#: About as many pairs as dimensions: nearer to that number than to its half or its double.
_NEAR: Final = 2.0**0.5


@dataclass(frozen=True)
class SensitivityStep:
    """One number of fit pairs.

    Attributes
    ----------
    pairs : int
    values : tuple of float
        Mean TAR over the cells, one value a repetition.
    """

    pairs: int
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the repetitions."""
        return sum(self.values) / len(self.values)


@dataclass(frozen=True)
class SensitivityCurve:
    """One map, fit mode and FAR.

    Attributes
    ----------
    steps : tuple of SensitivityStep
        By number of pairs, ascending; steps without a number are left out.
    cells, wanted : int
        Cells that the means are over, and how many there will be.
    unresolved : bool
        Whether chance decides some cell's TAR more than the models do.
    number : int
        Of its colour and marker (:func:`~canon_core.figures.palette.series_style`).
    """

    map: MapKind
    mode: FitMode
    far: float
    steps: tuple[SensitivityStep, ...]
    cells: int
    wanted: int
    unresolved: bool
    number: int

    @property
    def label(self) -> str:
        """Map and fit, a star where it is unresolved, and how much of it is there where that is not all."""
        text = f"{self.map}, {self.mode}" + "*" * self.unresolved
        return text if self.cells == self.wanted else f"{text} ({self.cells} of {self.wanted} cells)"

    @property
    def dash(self) -> tuple[float, float] | None:
        """On and off, in widths of the pen; None for a solid line."""
        return _DASHES[self.mode]

    @property
    def hollow(self) -> bool:
        """Whether its markers are outlines: those of maps that have seen what is scored."""
        return self.mode is not FitMode.DISJOINT

    def style(self, *, dark: bool = False) -> SeriesStyle:
        """Colour and marker."""
        return series_style(self.number, dark=dark)


@dataclass(frozen=True)
class SingleLevel:
    """Mean TAR of the models by themselves, at a fit mode's pairs: a level line."""

    mode: FitMode
    far: float
    tar: float
    models: int

    @property
    def label(self) -> str:
        """What it is."""
        return f"single models, {self.mode}"


def sensitivity_curves(
    results: Sequence[Sensitivity], rule: FarRule, far: float | None = None, among: Collection[Pair] | None = None
) -> tuple[SensitivityCurve, ...]:
    """A curve for each result and FAR.

    Parameters
    ----------
    results : sequence of Sensitivity
    far : float, optional
        One of each result's; without it a curve for each of them.
    among : collection of (source, target), optional
        Cells that are averaged; without it all off the diagonal.
    """
    curves = []
    for result in results:
        settings = result.settings
        possible = [pair for pair in result.cells if pair not in result.missing and (among is None or pair in among)]
        for place, target in enumerate(settings.far if far is None else (far,)):
            steps = []
            for step, (pairs, repeats) in enumerate(zip(result.pairs, result.repeats, strict=True)):
                found = [result.mean(step, repeat, target, rule, among) for repeat in range(repeats)]
                values = tuple(value for value in found if value is not None)
                if values:
                    steps.append(SensitivityStep(pairs, values))
            curves.append(
                SensitivityCurve(
                    map=settings.map,
                    mode=settings.mode,
                    far=target,
                    steps=tuple(steps),
                    cells=len(result.averaged(among)),
                    wanted=len(possible),
                    unresolved=result.unresolved(target, rule, among),
                    number=_MAPS.index(settings.map) + len(_MAPS) * place,
                )
            )
    return tuple(curves)


def single_levels(
    results: Sequence[Sensitivity], rule: FarRule, far: float | None = None, among: Collection[Pair] | None = None
) -> tuple[SingleLevel, ...]:
    """Each fit mode's single models at each FAR, once; with ``among`` those of these cells."""
    names = models_of(among)
    levels: dict[tuple[FitMode, float], SingleLevel] = {}
    for result in results:
        mode = result.settings.mode
        for target in result.settings.far if far is None else (far,):
            tar = result.single_mean(target, rule, names)
            if tar is not None:
                models = len(result.single if names is None else names & set(result.single))
                levels.setdefault((mode, target), SingleLevel(mode, target, tar, models))
    return tuple(levels.values())


def source_dimensions(results: Sequence[Sensitivity], among: Collection[Pair] | None = None) -> tuple[int, ...]:
    """Every width of the sources of cells that can exist, ascending."""
    return tuple(
        sorted(
            {
                result.dimensions[source]
                for result in results
                for source, target in result.cells
                if (source, target) not in result.missing and (among is None or (source, target) in among)
            }
        )
    )


def near_dimensions(dimensions: Sequence[int]) -> tuple[float, float]:
    """Fit pairs between which there are about as many as dimensions of a source.

    Least squares then has as many equations as unknowns: it goes through its pairs exactly, noise and all, and its
    error elsewhere has its peak there ("double descent"). A rotation's does not.
    """
    return dimensions[0] / _NEAR, dimensions[-1] * _NEAR


def trusted_from(dimensions: Sequence[int]) -> float:
    """Fit pairs from which the widest source has ten a dimension (house plan, Protocols)."""
    return FEW_PAIRS_PER_DIMENSION * dimensions[-1]


def curve_name(curve: SensitivityCurve | SingleLevel, *, fars: bool) -> str:
    """The label, with the FAR where curves at several are drawn together."""
    return f"{curve.label}, FAR {far_text(curve.far)}" if fars else curve.label
