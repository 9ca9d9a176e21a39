"""What experiments return, figures draw and the window shows: frozen results with all their settings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from canon_core.maps.kinds import MapKind
from canon_core.verification.roc import FarRule, OperatingPoint

#: FAR targets unless others are asked for.
DEFAULT_FAR: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
#: False accepts below which a TAR is unresolved: chance decides more than the models do.
FEW_FALSE_ACCEPTS = 30
#: Fit pairs per source dimension below which a map is too poorly determined to be trusted (facts.md).
FEW_PAIRS_PER_DIMENSION = 10.0


#: What a protocol of templates compares.
TEMPLATE_PAIRS = "template pairs"


#: What the names of models begin with that stand beside a study's own.
_BESIDE = ("control-", "twin-")


def stands_beside(model: str) -> bool:
    """Whether a model is there to be compared with: a control (``control-…``), or the twin of another (``twin-…``).

    It is shown in every matrix and left out of every mean.
    """
    return model.startswith(_BESIDE)


def beside_text(models: Iterable[str]) -> str:
    """Which of some models no mean counts; empty where every model counts."""
    names = [name for name in models if stands_beside(name)]
    return f"means without {', '.join(names)}" if names else ""


class FitMode(StrEnum):
    """Which images a map is fitted on and which pairs it is scored on (house plan, Protocols)."""

    DISJOINT = "disjoint"  #: fitted on one half of the subjects, scored on the other, both ways: leak-free
    IN_SAMPLE = "in-sample"  #: fitted on all images, scored on all pairs
    AUTHORS = "authors"  #: template protocols: as the paper scored
    REVERSED = "reversed"  #: template protocols: source embeds p2


class Features(StrEnum):
    """How templates are made of images. Folders have single-image templates: unit norm, nothing else."""

    PAPER = "paper"
    INSIGHTFACE = "insightface"


def few_pairs_text(pairs_per_dimension: float, kind: MapKind) -> str:
    """What few fit pairs a source dimension mean for a map of this kind; empty where there are enough."""
    if pairs_per_dimension >= FEW_PAIRS_PER_DIMENSION:
        return ""
    means = (
        "maps are poorly determined"
        if kind is MapKind.ROTATION
        else f"a {kind} map may overfit: compare its scores with a rotation's"
    )
    return f"{pairs_per_dimension:.1f} fit pairs a source dimension: below {FEW_PAIRS_PER_DIMENSION:.0f} {means}"


def default_rule(mode: FitMode) -> FarRule:
    """The FAR rule unless one is asked for: the paper's with its own modes, else conservative."""
    return FarRule.NEAREST if mode in (FitMode.AUTHORS, FitMode.REVERSED) else FarRule.CONSERVATIVE


@dataclass(frozen=True)
class MatrixSettings:
    """Everything a matrix depends on besides the embeddings. ``models`` is in the user's order."""

    dataset: str
    models: tuple[str, ...]
    map: MapKind = MapKind.LINEAR
    mode: FitMode = FitMode.DISJOINT
    features: Features = Features.PAPER
    far: tuple[float, ...] = DEFAULT_FAR
    seed: int = 0


@dataclass(frozen=True)
class Fit:
    """How one map of a cell was fitted, and how well it explains images.

    Attributes
    ----------
    key : str
        Content key of the stored map.
    pairs : int
        Image pairs it was fitted on.
    dimensions : int
        Of the source; ``pairs / dimensions`` below 10 deserves a warning.
    rank, condition :
        Numerical rank and condition number of the fit (of the source for least squares, of the
        cross-covariance for a rotation).
    singular_values : tuple of float
        Of the map's matrix, descending.
    residual, r2 : float
        1 − mean cosine, and R², on ``residual_pairs`` images outside the fit where ``held_out``, else in it.
    """

    key: str
    pairs: int
    dimensions: int
    rank: int
    condition: float
    singular_values: tuple[float, ...]
    residual: float
    r2: float
    residual_pairs: int
    held_out: bool

    @property
    def pairs_per_dimension(self) -> float:
        """Fit pairs per source dimension."""
        return self.pairs / self.dimensions


@dataclass(frozen=True)
class Reading:
    """One cell read at one FAR target by one rule.

    Attributes
    ----------
    point : OperatingPoint
        Of all pools together.
    subject_tar : float
        TAR at the same threshold with every subject weighted alike; NaN without genuine pairs.
    halves : tuple of OperatingPoint
        Each pool by itself with its own threshold; empty where there is one pool only.
    """

    point: OperatingPoint
    subject_tar: float
    halves: tuple[OperatingPoint, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One (source, target, map, settings) result; the diagonal is a model by itself.

    ``readings[rule][k]`` belongs to the settings' ``far[k]``. The ROC itself is read apart, by ``key``. ``cancelled``
    templates were left out with their pairs, because their images sum to zero.
    """

    key: str
    source: str
    target: str
    readings: Mapping[FarRule, tuple[Reading, ...]]
    genuine: int
    impostors: int
    auc: float
    eer: float
    largest_subject: str
    largest_subject_share: float
    fits: tuple[Fit, ...]
    left_out: int
    seconds: float
    cancelled: int = 0

    @property
    def single(self) -> bool:
        """Whether this is a model by itself."""
        return self.source == self.target


@dataclass(frozen=True)
class PairCounts:
    """How many pairs a cell scores."""

    genuine: int
    impostor: int


@dataclass(frozen=True)
class Matrix:
    """All cells of one dataset at the same settings; ``cells[(source, target)]`` is None while (or where) missing."""

    settings: MatrixSettings
    protocol: str
    dataset_title: str
    cells: Mapping[tuple[str, str], Cell | None]
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)  #: why a cell is missing
    fit_pairs: tuple[int, ...] = ()  #: one per fitted half
    single_pairs: PairCounts | None = None
    cross_pairs: PairCounts | None = None
    left_out: tuple[str, ...] = ()  #: images left out because a model gave no usable embedding
    seconds: float = 0.0

    @property
    def templates(self) -> bool:
        """Whether templates are compared, not single images."""
        return self.protocol == TEMPLATE_PAIRS

    @property
    def models(self) -> tuple[str, ...]:
        """Models in the user's order."""
        return self.settings.models

    @property
    def wanted(self) -> tuple[tuple[str, str], ...]:
        """Cells that are not there and can be computed."""
        return tuple(pair for pair, cell in self.cells.items() if cell is None and pair not in self.missing)

    def reading(self, source: str, target: str, far: float, rule: FarRule) -> Reading | None:
        """The cell's reading at a FAR target, None where the cell is missing.

        Raises
        ------
        ValueError
            When the matrix was not computed for that FAR.
        """
        cell = self.cells.get((source, target))
        return None if cell is None else cell.readings[rule][self.settings.far.index(far)]

    def tar(self, source: str, target: str, far: float, rule: FarRule) -> float | None:
        """TAR of a cell, None where it is missing or not a number."""
        reading = self.reading(source, target, far, rule)
        if reading is None or reading.point.tar != reading.point.tar:
            return None
        return reading.point.tar

    def unresolved(self, source: str, target: str, far: float, rule: FarRule) -> bool:
        """Whether fewer than :data:`FEW_FALSE_ACCEPTS` impostor pairs decide a cell's TAR."""
        reading = self.reading(source, target, far, rule)
        return reading is not None and reading.point.false_accepts < FEW_FALSE_ACCEPTS

    def weaker(self, source: str, target: str, far: float, rule: FarRule) -> float | None:
        """Single-model TAR of the weaker of the two models, None where one is missing."""
        pair = [self.tar(name, name, far, rule) for name in (source, target)]
        return None if any(value is None for value in pair) else min(value for value in pair if value is not None)

    def sorted_models(self, far: float, rule: FarRule) -> tuple[str, ...]:
        """Models by falling single-model TAR; those without one last, in the user's order."""

        def order(name: str) -> float:
            tar = self.tar(name, name, far, rule)
            return 1.0 if tar is None else -tar

        return tuple(sorted(self.models, key=order))

    def means(self, far: float, rule: FarRule) -> tuple[float | None, float | None]:
        """Mean TAR of the diagonal and of the off-diagonal cells that are there, without models that stand beside."""
        single: list[float] = []
        cross: list[float] = []
        names = [name for name in self.models if not stands_beside(name)]
        for source in names:
            for target in names:
                value = self.tar(source, target, far, rule)
                if value is not None:
                    (single if source == target else cross).append(value)
        mean = [sum(values) / len(values) if values else None for values in (single, cross)]
        return mean[0], mean[1]


@dataclass(frozen=True)
class FoldSettings:
    """Everything a matrix of fold accuracies depends on besides the embeddings."""

    dataset: str
    models: tuple[str, ...]
    map: MapKind = MapKind.LINEAR


@dataclass(frozen=True)
class FoldCell:
    """Accuracy on each fold with the threshold and the map of the other folds, and their mean."""

    key: str
    source: str
    target: str
    accuracy: float
    per_fold: tuple[float, ...]
    thresholds: tuple[float, ...]
    pairs: int
    left_out: int

    @property
    def standard_error(self) -> float:
        """Of the mean over folds, as LFW reports it: sample deviation of the folds' accuracies / √folds."""
        return statistics.stdev(self.per_fold) / math.sqrt(len(self.per_fold))


@dataclass(frozen=True)
class FoldMatrix:
    """Fold accuracies of every two models; ``cells[(source, target)]`` is None where ``missing`` says why, or where it
    was not asked for, or is not stored. ``numbers`` are the folds that hold pairs, counted from 1, in the order of
    every cell's ``per_fold``: fewer than ``folds`` where all pairs of one were left out."""

    settings: FoldSettings
    dataset_title: str
    cells: Mapping[tuple[str, str], FoldCell | None]
    folds: int
    numbers: tuple[int, ...]
    pairs: int
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)  #: why a cell is missing
    seconds: float = 0.0


def features_text(features: Features, *, templates: bool = True) -> str:
    """What features do, in words: short codes mean different things to different authors (field facts)."""
    if features is Features.INSIGHTFACE:
        return "kept norms, detector-weighted, flips summed"
    return "unit norm, detector-weighted" if templates else "unit norm"


def far_text(far: float) -> str:
    """A FAR as people write it: ``1e-3``, or ``0.05`` where it is no power of ten."""
    mantissa, exponent = f"{far:.0e}".split("e")
    if float(f"{mantissa}e{exponent}") == far and far < 0.1 + 1e-12:
        return f"{mantissa}e{int(exponent)}"
    return f"{far:g}"


def settings_line(matrix: Matrix, rule: FarRule, far: float | None = None) -> str:
    """Every setting behind a matrix's numbers in one line, as it stands under each view and figure.

    With ``far``, the FAR at which the matrix is read, it ends with a warning where chance decides any of its cells.
    """
    settings = matrix.settings
    parts = [
        f"{matrix.dataset_title}",
        matrix.protocol,
        f"map {settings.map}",
        f"fit {settings.mode}" + (f" (seed {settings.seed})" if settings.mode is FitMode.DISJOINT else ""),
        features_text(settings.features, templates=matrix.templates),
        f"FAR rule {rule}",
    ]
    if matrix.single_pairs is not None:
        parts.append(f"single {matrix.single_pairs.genuine:,} genuine / {matrix.single_pairs.impostor:,} impostor")
    if matrix.cross_pairs is not None:
        parts.append(f"cross {matrix.cross_pairs.genuine:,} / {matrix.cross_pairs.impostor:,}")
    if matrix.fit_pairs:
        parts.append("fit pairs " + " + ".join(f"{count:,}" for count in matrix.fit_pairs))
    if matrix.left_out:
        parts.append(f"{len(matrix.left_out)} images left out")
    if beside := beside_text(matrix.models):
        parts.append(beside)
    cancelled = max((cell.cancelled for cell in matrix.cells.values() if cell is not None), default=0)
    if cancelled:
        parts.append(f"up to {cancelled:,} templates of a cell cancel out and are left out with their pairs")
    if far is not None and any(matrix.unresolved(*pair, far, rule) for pair in matrix.cells):
        parts.append(f"* unresolved at FAR {far_text(far)}: fewer than {FEW_FALSE_ACCEPTS} false accepts decide")
    return " · ".join(parts)


def folds_text(matrix: FoldMatrix) -> str:
    """How many folds a mean is over, and of how many."""
    counted = len(matrix.numbers)
    return f"{matrix.folds} folds" if counted == matrix.folds else f"{counted} of {matrix.folds} folds"


def folds_line(matrix: FoldMatrix) -> str:
    """Every setting behind fold accuracies in one line."""
    left_out = max((cell.left_out for cell in matrix.cells.values() if cell is not None), default=0)
    line = (
        f"{matrix.dataset_title} · {folds_text(matrix)}, {matrix.pairs:,} pairs · map {matrix.settings.map}, fitted on"
        " the images of the other folds · threshold of the other folds: the smallest score with most pairs right"
    )
    return line + (f" · {left_out} pairs left out" if left_out else "")
