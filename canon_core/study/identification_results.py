"""1:N identification of one model or across two: frozen results, and the searches they are read off, on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.study.results import Features, FitMode, beside_text, features_text
from canon_core.verification.identification import (
    DEFAULT_FPIR,
    LAST_RANK,
    GalleryScores,
    Identification,
    IdentificationPoint,
    identification,
)
from canon_core.verification.roc import FarRule

Pair = tuple[str, str]
#: What a file ought to be, and how it comes again.
_SAID: Final = ("searches", "galleries will be searched again")


@dataclass(frozen=True)
class IdentifySettings:
    """Everything that identification depends on besides the embeddings. ``models`` is in the user's order."""

    dataset: str
    models: tuple[str, ...]
    map: MapKind = MapKind.LINEAR
    mode: FitMode = FitMode.DISJOINT
    features: Features = Features.PAPER
    fpir: tuple[float, ...] = DEFAULT_FPIR
    seed: int = 0


@dataclass(frozen=True)
class MapFit:
    """What a cell's map was fitted on: content key of the map, image pairs, and dimensions of the source."""

    key: str
    pairs: int
    dimensions: int

    @property
    def pairs_per_dimension(self) -> float:
        """Fit pairs per source dimension."""
        return self.pairs / self.dimensions


@dataclass(frozen=True)
class SearchResult:
    """Identification in one gallery, or in one half of it.

    Attributes
    ----------
    enrolled : int
        Subjects in the gallery that was searched; of a gallery searched in two halves, both together.
    mated, non_mated : int
        Probes whose subject is enrolled there, and others.
    hits : (LAST_RANK,) tuple of int
        Mated probes whose own subject is among the first 1, 2, … ranks; ties count against the probe.
    points : mapping of FarRule to tuple of IdentificationPoint
        One a target FPIR.
    lost_subjects, lost_probes : int
        Subjects of the gallery without a usable image, and their probes: these were not searched there, for they are
        neither mated nor non-mated. Templates whose images cancel out count as lost too.
    """

    enrolled: int
    mated: int
    non_mated: int
    hits: tuple[int, ...]
    points: Mapping[FarRule, tuple[IdentificationPoint, ...]]
    lost_subjects: int = 0
    lost_probes: int = 0

    def hit_rate(self, rank: int) -> float:
        """Part of the mated probes whose subject is among the first ``rank`` ranks; NaN without any."""
        return self.hits[rank - 1] / self.mated if self.mated else float("nan")


@dataclass(frozen=True)
class GalleryResult:
    """Identification in one named gallery.

    Attributes
    ----------
    name : str
        ``G1``, ``G2``, …
    whole : SearchResult
        Under fit mode ``disjoint`` the gallery is cut into two halves of subjects, and every probe is searched in the
        half its subject belongs to, through the map fitted on the other half: ``whole`` then is both searches
        together, at one threshold for both.
    halves : tuple of SearchResult
        Each half by itself, with its own threshold; empty in other modes.
    """

    name: str
    whole: SearchResult
    halves: tuple[SearchResult, ...] = ()


@dataclass(frozen=True)
class IdentificationCell:
    """Source probes, mapped, searched in the target's galleries; the diagonal is a model by itself.

    Attributes
    ----------
    key : str
        Content key of the stored searches.
    source, target : str
    galleries : tuple of GalleryResult
        Each searched by itself.
    cmc : (LAST_RANK,) tuple of float
        Hit rates at ranks 1, 2, …: mated probes of all galleries (and halves) pooled; NaN without any.
    tpir : mapping of FarRule to tuple of float
        At the target FPIRs, the mean over galleries; within a gallery, halves are pooled at one threshold.
    fits : tuple of MapFit
        One, or one a half; none for a single model and for raw embeddings.
    left_out : int
        Images left out.
    seconds : float
    """

    key: str
    source: str
    target: str
    galleries: tuple[GalleryResult, ...]
    cmc: tuple[float, ...]
    tpir: Mapping[FarRule, tuple[float, ...]]
    fits: tuple[MapFit, ...]
    left_out: int
    seconds: float

    @property
    def single(self) -> bool:
        """Whether this is a model by itself."""
        return self.source == self.target

    def hit_rate(self, rank: int) -> float:
        """Part of all galleries' mated probes whose subject is among the first ``rank`` ranks."""
        return self.cmc[rank - 1]


@dataclass(frozen=True)
class IdentificationMatrix:
    """Identification of every model and of every two; ``cells[(source, target)]`` is None where ``missing`` says why.

    Attributes
    ----------
    settings : IdentifySettings
    dataset_title : str
    probes : int
        Probe templates.
    cells, missing : mapping of (source, target)
    left_out : tuple of str
        Images left out because a model gave no usable embedding.
    seconds : float
    """

    settings: IdentifySettings
    dataset_title: str
    probes: int
    cells: Mapping[Pair, IdentificationCell | None]
    missing: Mapping[Pair, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def models(self) -> tuple[str, ...]:
        """Models in the user's order."""
        return self.settings.models

    @property
    def any_cell(self) -> IdentificationCell | None:
        """Some cell; counts of galleries and probes are the same in all."""
        return next((cell for cell in self.cells.values() if cell is not None), None)


def identification_line(matrix: IdentificationMatrix, rule: FarRule) -> str:
    """Every setting behind the numbers, and how they are averaged, in one line."""
    settings = matrix.settings
    halved = settings.mode is FitMode.DISJOINT
    parts = [
        matrix.dataset_title,
        "1:N",
        f"map {settings.map}",
        f"fit {settings.mode}" + (f" (seed {settings.seed})" if halved else ""),
        features_text(settings.features),
        f"FPIR rule {rule}",
        f"{matrix.probes:,} probes through source and map",
    ]
    cell = matrix.any_cell
    if cell is not None:
        searched = []
        for gallery in cell.galleries:
            sizes = " + ".join(f"{half.enrolled:,}" for half in gallery.halves) or f"{gallery.whole.enrolled:,}"
            whole = gallery.whole
            lost = (
                f" ({whole.lost_subjects:,} subjects lost, left out with {whole.lost_probes:,} probes)"
                if whole.lost_subjects or whole.lost_probes
                else ""
            )
            searched.append(f"{gallery.name}: {sizes} subjects, {whole.non_mated:,} non-mated probes{lost}")
        parts.append("target galleries " + "; ".join(searched))
    fits = next((cell.fits for cell in matrix.cells.values() if cell is not None and cell.fits), ())
    if fits:
        parts.append("fit pairs " + " + ".join(f"{fit.pairs:,}" for fit in fits))
    if halved:
        parts.append("every probe searched in its own half of a gallery, single models too, one threshold for both")
    parts.append("rank-k pooled over galleries, TPIR their mean, ties count against the probe")
    if matrix.left_out:
        parts.append(f"{len(matrix.left_out)} images left out")
    if beside := beside_text(matrix.models):
        parts.append(beside)
    return " · ".join(parts)


@dataclass(frozen=True, eq=False)
class Searches:
    """What is kept of a cell: enough for rates at any FPIR.

    Attributes
    ----------
    names : tuple of str
        Of the galleries.
    scores : tuple over galleries of tuple of GalleryScores
        One search, or one a half.
    fits : tuple of MapFit
    left_out : int
    seconds : float
    """

    names: tuple[str, ...]
    scores: tuple[tuple[GalleryScores, ...], ...]
    fits: tuple[MapFit, ...]
    left_out: int
    seconds: float

    def read(self, key: str, source: str, target: str, fpir: Sequence[float]) -> IdentificationCell:
        """Rates at target FPIRs.

        Raises
        ------
        SettingsError
            When a target is not a rate.
        """
        whole = identification([_together(parts) for parts in self.scores], fpir)
        galleries = []
        for number, (name, parts) in enumerate(zip(self.names, self.scores, strict=True)):
            halves = identification(parts, fpir) if len(parts) > 1 else None
            galleries.append(
                GalleryResult(
                    name=name,
                    whole=_result(whole, number),
                    halves=() if halves is None else tuple(_result(halves, half) for half in range(len(parts))),
                )
            )
        return IdentificationCell(
            key=key,
            source=source,
            target=target,
            galleries=tuple(galleries),
            cmc=tuple(whole.cmc.tolist()),
            tpir=whole.tpir,
            fits=self.fits,
            left_out=self.left_out,
            seconds=self.seconds,
        )


def save_searches(path: Path, searches: Searches, cell: IdentificationCell, attributes: Mapping[str, str]) -> None:
    """Write a cell and the searches it was read off; ``attributes`` name the folders of source, target and dataset."""
    parts = [part for parts in searches.scores for part in parts]
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "cell": as_text(cell),
        "galleries": np.array(searches.names, dtype=object),
        "halves": np.array([len(parts) for parts in searches.scores], np.int64),
        "enrolled": np.array([part.gallery for part in parts], np.int64),
        "probes": np.array([part.rank.size for part in parts], np.int64),
        "lost": np.array([(part.lost_subjects, part.lost_probes) for part in parts], np.int64).reshape(-1, 2),
        "rank": np.concatenate([part.rank for part in parts]).astype(np.int32),
        "own": np.concatenate([part.own for part in parts]),
        "best": np.concatenate([part.best for part in parts]),
    }
    save_arrays(path, arrays, attributes)


def load_identification(path: Path, source: str, target: str, fpir: Sequence[float]) -> IdentificationCell | None:
    """Read a cell at target FPIRs, None where there is none; the models' present names are put in.

    Raises
    ------
    SettingsError
        When a target is not a rate.
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    with reading_arrays(path, *_SAID, ["cell"]) as (arrays, _):
        cell = replace(from_text(IdentificationCell, arrays["cell"]), source=source, target=target)
        if tuple(point.target for point in cell.galleries[0].whole.points[FarRule.NEAREST]) == tuple(fpir):
            return cell
    with reading_arrays(path, *_SAID) as (arrays, _):
        return _searches(arrays, cell).read(cell.key, source, target, fpir)


def with_cell(matrix: IdentificationMatrix, cell: IdentificationCell) -> IdentificationMatrix:
    """The matrix with one more cell, as a window shows it while cells arrive."""
    return replace(matrix, cells={**matrix.cells, (cell.source, cell.target): cell})


def _together(parts: Sequence[GalleryScores]) -> GalleryScores:
    """Searches of one gallery's halves as one."""
    if len(parts) == 1:
        return parts[0]
    return GalleryScores(
        gallery=sum(one.gallery for one in parts),
        rank=np.concatenate([one.rank for one in parts]),
        own=np.concatenate([one.own for one in parts]),
        best=np.concatenate([one.best for one in parts]),
        lost_subjects=sum(one.lost_subjects for one in parts),
        lost_probes=sum(one.lost_probes for one in parts),
    )


def _result(found: Identification, number: int) -> SearchResult:
    scores = found.galleries[number]
    return SearchResult(
        enrolled=scores.gallery,
        mated=scores.mated,
        non_mated=scores.non_mated,
        hits=tuple(scores.cmc(LAST_RANK).tolist()),
        points={rule: points[number] for rule, points in found.points.items()},
        lost_subjects=scores.lost_subjects,
        lost_probes=scores.lost_probes,
    )


def _searches(arrays: Mapping[str, np.ndarray[Any, Any]], cell: IdentificationCell) -> Searches:
    halves = arrays["halves"].tolist()
    rank, own, best = (arrays[what] for what in ("rank", "own", "best"))
    if not rank.shape == own.shape == best.shape or {own.dtype, best.dtype} != {np.dtype(np.float32)}:
        raise ValueError(rank.shape)
    ends = np.cumsum([0, *arrays["probes"].tolist()]).tolist()
    searched = [
        GalleryScores(enrolled, rank[low:high].astype(np.int64), own[low:high], best[low:high], *lost)
        for enrolled, (low, high), lost in zip(
            arrays["enrolled"].tolist(), pairwise(ends), arrays["lost"].tolist(), strict=True
        )
    ]
    places = pairwise(np.cumsum([0, *halves]).tolist())
    return Searches(
        names=tuple(map(str, arrays["galleries"].tolist())),
        scores=tuple(tuple(searched[low:high]) for low, high in places),
        fits=cell.fits,
        left_out=cell.left_out,
        seconds=cell.seconds,
    )
