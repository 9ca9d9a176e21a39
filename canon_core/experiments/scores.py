"""Every score of a cell as a file: labels, ids and scores in the protocol's order, for other programs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from canon_core.errors import SettingsError, StudyError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.experiments.image_cells import ImageCells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.figures.number_columns import Texts, decimals, integers, lines
from canon_core.jobs import JobContext
from canon_core.resources import version
from canon_core.store.arrays import Attribute, write_attributes
from canon_core.store.hdf5 import write_hdf5
from canon_core.store.output import writing_output
from canon_core.study.results import Features, FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule, OperatingPoint
from canon_core.verification.template_scores import template_scores

#: Endings of the files that are written.
SCORE_SUFFIXES: Final = (".h5", ".csv")
#: Pairs written at a time: at most 8 MB of a column, and a tenth of a second of text.
_BLOCK: Final = {".h5": 1_000_000, ".csv": 100_000}
_WHAT: Final = "pairs written"


@dataclass(frozen=True)
class ScoresReport:
    """What was written.

    Attributes
    ----------
    source, target : str
    pairs, genuine : int
    naming : str
        What the two columns of ids hold, in words.
    points : tuple of OperatingPoint
        Read off the scores that were written, at the settings' FARs.
    seconds : float
    """

    source: str
    target: str
    pairs: int
    genuine: int
    naming: str
    points: tuple[OperatingPoint, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class _Pool:
    """Pairs in the protocol's order: ids of both sides, labels and scores."""

    p1: npt.NDArray[np.int64]
    p2: npt.NDArray[np.int64]
    genuine: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]


def export_scores(
    study: Study, settings: MatrixSettings, rule: FarRule, out: Path, ctx: JobContext, *, with_ids: bool = False
) -> ScoresReport:
    """Score every pair of a cell and write the columns ``p1``, ``p2``, ``genuine``, ``score`` and ``half``.

    Pairs stand in the order of the protocol, those of the first half of the subjects before those of the second where
    the fit mode splits them (``half`` is 0 throughout where it does not). ``.h5`` holds the scores as they are, an
    array a column and the settings as attributes; ``.csv`` holds ten decimals, and the settings in lines that begin
    with ``#``.

    Parameters
    ----------
    study : Study
    settings : MatrixSettings
        Its models are source and target, or the one model that is compared with itself.
    rule : FarRule
        At which point of the ROC the reported TARs are read.
    out : Path
        ``.h5`` or ``.csv``; replaced when all pairs are written, and not before.
    ctx : JobContext
        Progress and cancellation.
    with_ids : bool
        Name single images by their paths below the dataset; else they are numbered as the study lists them, from 0.
        Templates have the numbers that the protocol's files give them either way.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset, there are too many pairs to list, or the file has another ending.
    StudyError
        When a model has no complete embeddings, or raw embeddings cannot be compared.
    StoreError
        For what the operating system refuses.
    """
    start = time.perf_counter()
    suffix = out.suffix.casefold()
    if suffix not in SCORE_SUFFIXES:
        raise SettingsError(f"scores are written as {' or '.join(SCORE_SUFFIXES)}, not as '{out.suffix}'")
    source, target = settings.models[0], settings.models[-1]
    cells = open_cells(study, settings, ctx)
    missing = cells.usable.why_not(source, target, settings.map)
    if missing:
        raise StudyError(missing, path=study.path, remedy="run `canon embed`, or choose a map that fits the models")
    ctx.report(0, 1, "scoring")
    scored = cells.scored(source, target, ctx)
    ctx.check()
    points = template_scores(scored, settings.far).scores.points[rule]
    labels = [_labels(cells, number, source == target) for number in range(len(scored))]
    pools = [
        _Pool(p1[one.present], p2[one.present], genuine[one.present], one.in_order())
        for (p1, p2, genuine), one in zip(labels, scored, strict=True)
    ]
    cancelled = sum(one.cancelled for one in scored)
    del scored, labels
    names = study.faces(settings.dataset).ids if with_ids and not isinstance(cells, TemplateCells) else None
    facts = {
        **_settings(study, settings, cells, source, target),
        "rule": str(rule),
        "measured": json.dumps([_reading(point) for point in points], allow_nan=False),
        "ids": _naming(cells, settings, names is not None),
    }
    if cancelled:
        facts["cancelled_templates"] = cancelled
    write: Callable[..., None] = _write_hdf5 if suffix == ".h5" else _write_csv
    with writing_output(out) as temporary:
        write(temporary, pools, facts, names, ctx)
    return ScoresReport(
        source=source,
        target=target,
        pairs=sum(len(pool.scores) for pool in pools),
        genuine=sum(int(np.count_nonzero(pool.genuine)) for pool in pools),
        naming=str(facts["ids"]),
        points=points,
        seconds=time.perf_counter() - start,
    )


# -- private ---------------------------------------------------------------------------------------------------------
def _labels(
    cells: Cells, number: int, single: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    if isinstance(cells, TemplateCells):
        return cells.pair_ids(number)
    assert isinstance(cells, ImageCells)
    return cells.pair_rows(single, number)


def _naming(cells: Cells, settings: MatrixSettings, named: bool) -> str:
    through = "p1 through the source and the map, p2 through the target"
    if isinstance(cells, TemplateCells):
        if settings.mode is FitMode.REVERSED:
            through = "p2 through the source and the map, p1 through the target"
        return f"p1 and p2 are template ids of the protocol; {through}"
    if named:
        return f"p1 and p2 are images by their paths below the dataset; {through}"
    return f"p1 and p2 are images by their numbers in the study's list, from 0; {through}"


def _settings(
    study: Study, settings: MatrixSettings, cells: Cells, source: str, target: str
) -> dict[str, Attribute]:
    entry = cells.usable.dataset
    facts: dict[str, Attribute] = {
        "program": version(),
        "study": study.name,
        "dataset": entry.name,
        "dataset_fingerprint": entry.fingerprint,
        "protocol": entry.protocol,
        "source": source,
        "source_embeddings": cells.usable.keys[source],
        "target": target,
        "target_embeddings": cells.usable.keys[target],
        "map": "none" if source == target else str(settings.map),
        "mode": str(settings.mode),
        "features": str(settings.features) if entry.has_templates else str(Features.PAPER),
    }
    if settings.mode is FitMode.DISJOINT:
        facts["seed"] = settings.seed
    if cells.usable.left_out:
        facts["left_out"] = len(cells.usable.left_out)
    return facts


def _reading(point: OperatingPoint) -> dict[str, float | int | None]:
    numbers = {"far": point.target, "achieved_far": point.far, "threshold": point.threshold, "tar": point.tar}
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return {**finite, "false_accepts": point.false_accepts, "impostors": point.impostors, "genuine": point.genuine}


def _blocks(pools: Sequence[_Pool], size: int, ctx: JobContext) -> Iterator[tuple[int, int, _Pool, slice]]:
    """First row, half, pool and its rows of each block to write."""
    total, done = sum(len(pool.scores) for pool in pools), 0
    for half, pool in enumerate(pools):
        for low in range(0, len(pool.scores), size):
            ctx.check()
            ctx.report(done, total, _WHAT)
            part = slice(low, min(low + size, len(pool.scores)))
            yield done, half, pool, part
            done += part.stop - part.start
    ctx.report(total, total, _WHAT)


def _write_hdf5(
    path: Path, pools: Sequence[_Pool], facts: Mapping[str, Attribute], names: Sequence[str] | None, ctx: JobContext
) -> None:
    total = sum(len(pool.scores) for pool in pools)
    largest = max((int(side.max()) for pool in pools for side in (pool.p1, pool.p2) if side.size), default=0)
    smallest = min((int(side.min()) for pool in pools for side in (pool.p1, pool.p2) if side.size), default=0)
    number = np.dtype(np.int32 if -(2**31) <= smallest <= largest < 2**31 else np.int64)
    kinds = {"p1": number, "p2": number, "genuine": np.uint8, "score": np.float32, "half": np.uint8}
    with write_hdf5(path) as file:
        columns = {
            name: file.create_dataset(name, (total,), kind, track_times=False) for name, kind in kinds.items()
        }
        for done, half, pool, part in _blocks(pools, _BLOCK[".h5"], ctx):
            found = {"p1": pool.p1, "p2": pool.p2, "genuine": pool.genuine, "score": pool.scores}
            rows = slice(done, done + part.stop - part.start)
            for name, column in found.items():
                columns[name][rows] = column[part].astype(columns[name].dtype)
            columns["half"][rows] = np.full(rows.stop - rows.start, half, np.uint8)
        if names is not None:
            file.create_dataset(
                "images", data=np.array([name.encode("utf-8", "replace") for name in names]), track_times=False
            )
        write_attributes(file, facts)


def _write_csv(
    path: Path, pools: Sequence[_Pool], facts: Mapping[str, Attribute], names: Sequence[str] | None, ctx: JobContext
) -> None:
    shown: Callable[[npt.NDArray[np.int64]], Any] = integers if names is None else Texts(names).column
    with path.open("wb") as file:
        for name, value in facts.items():
            text = "".join(letter if letter.isprintable() else "?" for letter in str(value))
            file.write(f"# {name}: {text}\n".encode("utf-8", "replace"))
        file.write(b"p1,p2,genuine,score,half\n")
        for _, half, pool, part in _blocks(pools, _BLOCK[".csv"], ctx):
            rows = part.stop - part.start
            columns = [
                shown(pool.p1[part]),
                shown(pool.p2[part]),
                integers(pool.genuine[part].view(np.uint8)),
                decimals(pool.scores[part]),
                integers(np.full(rows, half, np.int64)),
            ]
            file.write(lines(columns))
