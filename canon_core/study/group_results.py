"""Error rates of groups of templates at one threshold for all: frozen results, and on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.study.results import FEW_FALSE_ACCEPTS, FitMode, MatrixSettings, far_text, features_text
from canon_core.verification.bootstrap import DEFAULT_LEVEL, DEFAULT_RESAMPLES
from canon_core.verification.group_rates import RateInterval
from canon_core.verification.roc import FarRule


@dataclass(frozen=True)
class GroupSettings:
    """Everything that rates of groups depend on besides the embeddings.

    Attributes
    ----------
    matrix : MatrixSettings
        Of the cell; its models hold ``source`` and ``target``.
    source, target : str
    covariate : str
        Name of the covariate.
    far : float
        Target FAR that chooses the threshold; one of the matrix's.
    rule : FarRule
    edges : tuple of float or None
        Between bins of a measure; None for 15°, 30°, 60° of yaw and for quartiles of other measures.
    absolute : bool or None
        Whether a measure's absolute values are binned; None for yaw alone.
    resamples, seed : int
        Draws of subjects, and their seed.
    level : float
        Of the intervals.
    """

    matrix: MatrixSettings
    source: str
    target: str
    covariate: str
    far: float
    rule: FarRule
    edges: tuple[float, ...] | None = None
    absolute: bool | None = None
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 0
    level: float = DEFAULT_LEVEL


@dataclass(frozen=True)
class GroupRates:
    """FMR of every two groups and FNMR of every group, at one threshold.

    Attributes
    ----------
    settings : GroupSettings
    protocol, dataset_title : str
        As the matrix has them.
    kind : str
        ``majority`` of a template's images (classes) or their ``median`` (measures).
    groups : tuple of str
        That hold a template of some pair; ``mixed`` (images disagree) and ``unknown`` come last.
    edges : tuple of float
        Between bins of a measure; empty for classes.
    absolute : bool
        Whether absolute values are binned.
    templates, subjects : tuple of int
        Templates of each group that are compared, and how many subjects they show.
    threshold : float
        The cell's at that FAR, the same for all groups.
    impostors, false_accepts : [g][g] tuples of int
        Rows: group of the template through the source (and its map), p1 but for mode ``reversed``; columns: of that
        through the target.
    fmr : [g][g] tuples of RateInterval
        The counts of both orders added: the table is symmetric.
    fnmr : [g + 1] tuple of RateInterval
        By the group of both templates of a genuine pair; last, pairs whose templates are of two groups.
    all_fmr, all_fnmr : RateInterval
        Of all pairs.
    seconds : float
    """

    settings: GroupSettings
    protocol: str
    dataset_title: str
    kind: str
    groups: tuple[str, ...]
    edges: tuple[float, ...]
    absolute: bool
    templates: tuple[int, ...]
    subjects: tuple[int, ...]
    threshold: float
    impostors: tuple[tuple[int, ...], ...]
    false_accepts: tuple[tuple[int, ...], ...]
    fmr: tuple[tuple[RateInterval, ...], ...]
    fnmr: tuple[RateInterval, ...]
    all_fmr: RateInterval
    all_fnmr: RateInterval
    seconds: float = 0.0


def few_errors(rate: RateInterval) -> bool:
    """Whether fewer than 30 errors decide a rate: chance decides more than the model does."""
    return rate.errors < FEW_FALSE_ACCEPTS


def groups_line(found: GroupRates) -> str:
    """Every setting behind the rates in one line."""
    settings, matrix = found.settings, found.settings.matrix
    maps = " map and" if settings.source != settings.target and matrix.map is not MapKind.NONE else ""
    absolute = "absolute values, " if found.absolute else ""
    bins = f"{absolute}bins at {', '.join(f'{edge:.4g}' for edge in found.edges)}" if found.edges else ""
    parts = [
        found.dataset_title,
        found.protocol,
        f"{settings.source} → {settings.target}" if settings.source != settings.target else settings.source,
        *([f"map {matrix.map}"] if settings.source != settings.target else []),
        f"fit {matrix.mode}" + (f" (seed {matrix.seed})" if matrix.mode is FitMode.DISJOINT else ""),
        features_text(matrix.features),
        f"one threshold for all: {found.threshold:.6g}, at FAR {far_text(settings.far)} ({settings.rule})",
        f"{settings.covariate}: {found.kind} of a template's images" + (f", {bins}" if bins else ""),
        "FMR: both orders of two groups added",
        f"{100 * settings.level:g} % intervals: {settings.resamples:,} draws of subjects,{maps} threshold held fixed,"
        " or Poisson's (FMR) and Wilson's (FNMR) where wider",
    ]
    return " · ".join(parts)


def save_groups(path: Path, found: GroupRates, attributes: Mapping[str, str]) -> None:
    """Write rates of groups; ``attributes`` name the folders of source, target and dataset."""
    save_arrays(path, {"groups": as_text(found)}, attributes)


def load_groups(path: Path) -> GroupRates | None:
    """Read rates of groups, None where there are none.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    with reading_arrays(path, "rates of groups", "they will be counted again", ["groups"]) as (arrays, _):
        return from_text(GroupRates, arrays["groups"])
