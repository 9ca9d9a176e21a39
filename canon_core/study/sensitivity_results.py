"""How many image pairs a map needs: TAR against the number of fit pairs (paper Figures 4 and 9), and its storage."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.study.results import (
    FEW_FALSE_ACCEPTS,
    TEMPLATE_PAIRS,
    Features,
    FitMode,
    beside_text,
    far_text,
    features_text,
    stands_beside,
)
from canon_core.verification.roc import FarRule, OperatingPoint

#: FAR targets unless others are asked for: the paper's.
DEFAULT_FAR: tuple[float, ...] = (1e-2,)
DEFAULT_REPEATS = 3

Points = Mapping[FarRule, tuple[OperatingPoint, ...]]
Pair = tuple[str, str]


@dataclass(frozen=True)
class SensitivitySettings:
    """Everything sensitivity depends on besides the embeddings.

    Attributes
    ----------
    pairs : tuple of int
        Fit pairs a map; 0 stands for all there are. Empty: 32, 64, … and all.
    repeats : int
        Random subsets of each size; every cell of a repetition is fitted on the same images.
    seed : int
        Of the split into halves and of the subsets.
    shuffled : bool
        A control: maps are fitted on pairs that do not belong together, so that what they reach needs no
        correspondence.
    """

    dataset: str
    models: tuple[str, ...]
    map: MapKind = MapKind.ROTATION
    mode: FitMode = FitMode.DISJOINT
    features: Features = Features.PAPER
    pairs: tuple[int, ...] = ()
    repeats: int = DEFAULT_REPEATS
    far: tuple[float, ...] = DEFAULT_FAR
    seed: int = 0
    shuffled: bool = False


@dataclass(frozen=True)
class SensitivityCell:
    """One source and target; ``points[n, repeat][rule][k]`` belongs to the settings' ``far[k]``."""

    key: str
    source: str
    target: str
    points: Mapping[tuple[int, int], Points]


@dataclass(frozen=True)
class Sensitivity:
    """Every cross-model cell at every number of fit pairs.

    Attributes
    ----------
    pairs : tuple of int
        Fit pairs of each step, ascending; where halves differ in size, "all" counts the smaller one.
    repeats : tuple of int
        Subsets drawn at each step: one where all are taken.
    single : mapping of str to points
        Each model by itself at the same settings; of what is only looked up, those that are stored.
    dimensions : mapping of str to int
        Of each model's embeddings.
    available : int
        Fit pairs there are, in the smaller half.
    """

    settings: SensitivitySettings
    protocol: str
    dataset_title: str
    pairs: tuple[int, ...]
    repeats: tuple[int, ...]
    cells: Mapping[tuple[str, str], SensitivityCell | None]
    single: Mapping[str, Points]
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)
    dimensions: Mapping[str, int] = field(default_factory=dict)
    available: int = 0
    seconds: float = 0.0

    def tar(self, source: str, target: str, step: int, repeat: int, far: float, rule: FarRule) -> float | None:
        """TAR of a cell at a step, None where it is missing or not a number."""
        cell = self.cells.get((source, target))
        found = None if cell is None else cell.points.get((self.pairs[step], repeat))
        if found is None:
            return None
        tar = found[rule][self.settings.far.index(far)].tar
        return tar if math.isfinite(tar) else None

    def counted(self, among: Collection[Pair] | None = None) -> tuple[Pair, ...]:
        """The off-diagonal cells that can be there and that a mean is over: those that are ``among`` others, or all but
        those of models that stand beside."""

        def counts(pair: Pair) -> bool:
            return not any(map(stands_beside, pair)) if among is None else pair in among

        return tuple(pair for pair in self.cells if pair not in self.missing and counts(pair))

    def averaged(self, among: Collection[Pair] | None = None) -> tuple[Pair, ...]:
        """The cells of :meth:`counted` that are there. What a mean is over."""
        return tuple(pair for pair in self.counted(among) if self.cells[pair] is not None)

    def lacking(self, among: Collection[Pair] | None = None) -> tuple[Pair, ...]:
        """The cells of :meth:`counted` that are not there yet."""
        return tuple(pair for pair in self.counted(among) if self.cells[pair] is None)

    def lacking_single(self, among: Collection[Pair] | None = None) -> tuple[str, ...]:
        """The models of the cells of :meth:`counted` that are not scored by themselves yet."""
        models = dict.fromkeys(name for pair in self.counted(among) for name in pair)
        return tuple(name for name in models if name not in self.single)

    def mean(
        self, step: int, repeat: int, far: float, rule: FarRule, among: Collection[Pair] | None = None
    ) -> float | None:
        """Mean TAR over the off-diagonal cells that are there, or over those of them that are ``among`` others."""
        values = [self.tar(source, target, step, repeat, far, rule) for source, target in self.averaged(among)]
        found = [value for value in values if value is not None]
        return sum(found) / len(found) if found else None

    def unresolved(self, far: float, rule: FarRule, among: Collection[Pair] | None = None) -> bool:
        """Whether fewer than :data:`FEW_FALSE_ACCEPTS` impostor pairs decide some TAR of them."""
        place = self.settings.far.index(far)
        return any(
            points[rule][place].false_accepts < FEW_FALSE_ACCEPTS
            for pair in self.averaged(among)
            if (cell := self.cells[pair]) is not None
            for points in cell.points.values()
        )

    def single_mean(self, far: float, rule: FarRule, among: Collection[str] | None = None) -> float | None:
        """Mean TAR of the models by themselves: of those that are ``among`` others, or all that do not stand beside."""
        place = self.settings.far.index(far)

        def counts(name: str) -> bool:
            return not stands_beside(name) if among is None else name in among

        values = [points[rule][place].tar for name, points in self.single.items() if counts(name)]
        found = [value for value in values if math.isfinite(value)]
        return sum(found) / len(found) if found else None


def models_of(among: Collection[Pair] | None) -> frozenset[str] | None:
    """The models of some cells, by which their single models are chosen; None where that is all."""
    return None if among is None else frozenset(name for pair in among for name in pair)


def with_cell(result: Sensitivity, cell: SensitivityCell) -> Sensitivity:
    """The result with one more cell, as a window shows it while cells arrive."""
    return replace(result, cells={**result.cells, (cell.source, cell.target): cell})


def sensitivity_line(
    results: Sequence[Sensitivity], rule: FarRule, far: float | None = None, among: Collection[Pair] | None = None
) -> str:
    """Every setting behind the curves in one line.

    Parameters
    ----------
    results : sequence of Sensitivity
        At least one, of one dataset with the same models, features, seed and steps; maps and modes may differ.
    far : float, optional
        Where they are read; without it at every FAR of the settings.
    among : collection of (source, target), optional
        Cells that the means are over; without it all.
    """
    first, settings = results[0], results[0].settings
    repeats = max(first.repeats, default=0)
    subsets = f"{repeats} random subset{'' if repeats == 1 else 's'}"
    targets = settings.far if far is None else (far,)
    counts = sorted({len(result.averaged(among)) for result in results})
    modes = list({result.settings.mode: result for result in reversed(results)}.values())[::-1]
    steps = sorted({pairs for result in modes for pairs in result.pairs if pairs != result.available})
    parts = [
        first.dataset_title,
        first.protocol,
        f"map {_listed(str(result.settings.map) for result in results)}",
        f"fit {_listed(str(result.settings.mode) for result in results)} (seed {settings.seed})",
        features_text(settings.features, templates=first.protocol == TEMPLATE_PAIRS),
        f"FAR {', '.join(map(far_text, targets))} by rule {rule}",
        "fit pairs " + ", ".join([*(f"{pairs:,}" for pairs in steps), *_all_pairs(modes)]),
        f"{subsets} of fit pairs a step, the same for every cell"
        + (", shuffled: no image is paired with itself" if settings.shuffled else ""),
        f"mean over {' to '.join(map(str, dict.fromkeys([counts[0], counts[-1]])))} cell{'' if counts == [1] else 's'}",
    ]
    counts_of = {mode.settings.mode: point for mode in modes for point in _some_points(mode, among, rule)}
    for mode, point in counts_of.items():
        which = f"cross {mode}" if len(modes) > 1 else "cross"
        parts.append(f"{which} {point.genuine:,} genuine / {point.impostors:,} impostor")
    if among is None and (beside := beside_text(settings.models)):
        parts.append(beside)
    few = [target for target in targets if any(result.unresolved(target, rule, among) for result in results)]
    if few:
        fars = ", ".join(map(far_text, few))
        parts.append(f"* unresolved at FAR {fars}: fewer than {FEW_FALSE_ACCEPTS} false accepts decide a cell")
    return " · ".join(parts)


def _some_points(result: Sensitivity, among: Collection[Pair] | None, rule: FarRule) -> list[OperatingPoint]:
    cells = [result.cells[pair] for pair in result.averaged(among)]
    return [points[rule][0] for cell in cells[:1] if cell is not None for points in cell.points.values()]


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _all_pairs(modes: Sequence[Sensitivity]) -> list[str]:
    """How many "all" are, where they are drawn; modes are fitted on different images."""
    found = [result for result in modes if result.available in result.pairs]
    if len({result.available for result in found}) < 2:
        return [f"all {result.available:,}" for result in found[:1]]
    return [f"all {result.available:,} ({result.settings.mode})" for result in found]


def save_sensitivity_cell(path: Path, points: Mapping[tuple[int, int], Points], attributes: Mapping[str, str]) -> None:
    """Write what is known of a cell."""
    steps = {f"{pairs} {repeat}": found for (pairs, repeat), found in points.items()}
    save_arrays(path, {"points": as_text(steps)}, attributes)


def load_sensitivity_cell(path: Path) -> dict[tuple[int, int], Points]:
    """Read what is known of a cell; empty where nothing is.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return {}
    with reading_arrays(path, "a sensitivity", "it will be computed again", ["points"]) as (arrays, _):
        found = from_text(dict[str, dict[FarRule, tuple[OperatingPoint, ...]]], arrays["points"])
        return {_step(name): points for name, points in found.items()}


def _step(name: str) -> tuple[int, int]:
    pairs, repeat = name.split(" ")
    return int(pairs), int(repeat)
