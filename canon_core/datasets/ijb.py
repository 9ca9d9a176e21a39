"""IJB-C and IJB-B as InsightFace lays them out: ``loose_crop/`` and ``meta/`` (facts.md, *IJB-C and IJB-B*)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import Covariate
from canon_core.datasets.detector_scores import unweighted
from canon_core.datasets.ijb_covariates import read_image_covariates
from canon_core.datasets.ijb_files import IMAGES, META, IjbFiles, find_ijb, is_file
from canon_core.datasets.pair_file import read_pair_file
from canon_core.datasets.protocol_building import (
    build_protocol,
    contradictions,
    own_subjects,
    pair_warnings,
    template_subjects,
)
from canon_core.datasets.template_dataset import (
    TemplateDataset,
    absent_images,
    count_warnings,
    listed_images,
    several,
)
from canon_core.datasets.template_protocol import (
    Gallery,
    IdentificationProtocol,
    VerificationProtocol,
    positions_of,
)
from canon_core.datasets.text_table import TextTable, read_text_table
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

_POINTS: Final = tuple(f"{axis}{point}" for point in range(1, 6) for axis in "xy")


def read_ijb(path: Path, ctx: JobContext, *, format: str | None = None) -> TemplateDataset:  # noqa: A002
    """Read IJB-C or IJB-B in InsightFace's layout, all but the images themselves, of which only the names are checked.

    Where ``loose_crop`` is missing or empty the dataset has no images, and embeddings made elsewhere can be scored.
    Subjects come from the 1:N files where they are there, else from the genuine pairs. Landmarks and scores are
    matched by the images' names; a file in another order is read with a warning. Covariates are read where the layout
    brings a file of them (:mod:`~canon_core.datasets.ijb_covariates`).

    Parameters
    ----------
    path : Path
        The dataset's folder, or one in or above it.
    ctx : JobContext
        Progress and cancellation.
    format : str, optional
        ``ijbc`` or ``ijbb``, where both are there.

    Raises
    ------
    DatasetError
        When a file is missing, damaged or contradicts another, with its line.
    Cancelled
        When the job was cancelled.
    """
    files, why = find_ijb(path, format)
    if files is None:
        raise DatasetError(why, path=path, remedy=f"give the folder that holds {META} and {IMAGES}")
    for needed in (files.pairs, files.points):
        if not is_file(needed):
            raise DatasetError(
                "is missing", path=needed, remedy=f"put it beside {files.images.name}: it comes in the same archive"
            )
    names = ("NAME", "TEMPLATE", "MEDIA")
    what = "an image's name, its template id and its media id, apart by blanks"
    images = read_text_table(
        files.images, what, ctx, names=names, separator=" ", texts=("NAME",), needed=("TEMPLATE", "MEDIA")
    )
    _refuse_bad_names(images)
    landmarks, scores, warnings = _read_points(files, images.texts["NAME"], ctx)
    pairs = read_pair_file(files.pairs, ctx)
    searched, remarks = _read_search(files, ctx)
    known = None if searched is None else _known_subjects(searched)
    if pairs.genuine is None:
        raise DatasetError("holds no labels", path=files.pairs)
    protocol = build_protocol(
        images.whole("TEMPLATE"),
        images.whole("MEDIA"),
        pairs.p1,
        pairs.p2,
        pairs.genuine,
        known_subjects=known,
        pair_file=files.pairs,
        images_file=files.images,
    )
    warnings = [*images.warnings, *pairs.warnings, *warnings, *remarks, *pair_warnings(protocol, files.pairs)]
    if files.published is not None:
        warnings += count_warnings(protocol, files.published, [files.images.name], files.pairs.name)
    wrong = int(np.count_nonzero(contradictions(protocol)))
    if wrong:
        whom = "the subjects of the 1:N files" if known is not None else "each other, by way of other pairs"
        warnings.append(f"{files.pairs.name}: the labels of {wrong:,} pairs contradict {whom}")
    if known is not None and (unnamed := own_subjects(protocol, known[1]))[0]:
        warnings.append(
            f"the 1:N files name no subject of {unnamed[0]:,} templates that genuine pairs of {files.pairs.name} link "
            f"to each other alone: they count as {unnamed[1]:,} subjects of their own"
        )
    search, dropped = (None, "") if searched is None else _search(searched, protocol)
    warnings += [dropped] if dropped else []
    covariates: tuple[Covariate, ...] = ()
    if described := is_file(files.covariates):
        covariates, remarked = read_image_covariates(files.covariates, images.texts["NAME"], ctx)
        warnings += remarked
    folder = files.folder / IMAGES
    there = listed_images(folder, "", ctx) if folder.is_dir() else {}
    problems = absent_images(images.texts["NAME"], there, IMAGES) if there else []
    if problems:
        shown = several([problem.image for problem in problems])
        warnings.append(f"{len(problems):,} of {len(images):,} images are missing or cannot be used ({shown})")
    note = (
        f"{why}: {protocol.images:,} images, {protocol.templates:,} templates, {len(protocol):,} pairs "
        f"({protocol.genuine_count:,} genuine), subjects from the "
        f"{'1:N files' if known is not None else 'genuine pairs'}"
        + (f"; covariates: {several([each.name for each in covariates], 40)}" if covariates else "")
    )
    ids = tuple(images.texts["NAME"])
    return TemplateDataset(
        files.format,
        folder,
        ids,
        ids,
        protocol,
        search,
        landmarks,
        None,
        scores,
        covariates,
        problems=tuple(problems),
        notes=(note,),
        warnings=tuple(warnings),
        sources=(
            *(files.images, files.pairs, files.points, *(() if searched is None else files.searched)),
            *((files.covariates,) if described else ()),
        ),
        has_images=bool(there),
    )


# -- private ---------------------------------------------------------------------------------------------------------
#: Template and subject of each row of a gallery or of the probes, and the file they came from.
_Searched = list[tuple[str, NDArray[np.int64], NDArray[np.int64], Path]]


def _read_points(
    files: IjbFiles, names: list[str], ctx: JobContext
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
    table = read_text_table(
        files.points,
        "an image's name, five points and a detector score, apart by blanks",
        ctx,
        names=("NAME", *_POINTS, "SCORE"),
        separator=" ",
        texts=("NAME",),
        needed=(*_POINTS, "SCORE"),
    )
    numbers = np.column_stack([table.numbers[name] for name in (*_POINTS, "SCORE")])
    bad = ~(np.abs(numbers) < np.finfo(np.float32).max)
    if bad.any():
        raise table.fault(int(np.argmax(bad.any(axis=1))), "a point or score is no finite number")
    warnings = list(table.warnings)
    if table.texts["NAME"] != names:
        _refuse_twice(table)
        row_of = {name: row for row, name in enumerate(table.texts["NAME"])}
        absent = [name for name in names if name not in row_of]
        if absent:
            raise DatasetError(
                f"holds no points of {several(absent)}, which {files.images.name} lists",
                path=files.points,
                remedy="both files must be of the same release: get them again",
            )
        order = [row_of[name] for name in names]
        numbers = numbers[order]
        extra = len(table) - len(names)
        warnings.append(
            f"{table.path.name} has {extra:,} rows more than {files.images.name}, which were passed over"
            if order == sorted(order)
            else f"{table.path.name} is in another order than {files.images.name}: rows were matched by name, where "
            "other evaluators match them by place"
        )
    warnings += unweighted(numbers[:, 10], files.points)
    points = numbers[:, :10].astype(np.float32).reshape(-1, 5, 2)
    return points, numbers[:, 10].astype(np.float32), warnings


def _refuse_twice(table: TextTable) -> None:
    names = table.texts["NAME"]
    if len(set(names)) < len(names):
        first: dict[str, int] = {}
        for row, name in enumerate(names):
            if first.setdefault(name, row) != row:
                raise table.fault(row, f"it and line {first[name] + table.first_line} are both of image {name[:80]}")


def _refuse_bad_names(images: TextTable) -> None:
    names = images.texts["NAME"]
    _refuse_twice(images)
    joined = "\n".join(names)
    if "/" in joined or "\\" in joined or not {".", ".."}.isdisjoint(names):
        row = next(row for row, name in enumerate(names) if "/" in name or "\\" in name or name in (".", ".."))
        raise images.fault(row, f"'{names[row][:80]}' is no name of an image in {IMAGES}")


def _read_search(files: IjbFiles, ctx: JobContext) -> tuple[_Searched | None, list[str]]:
    """Rows of both galleries and of the probes; None where a file is missing."""
    absent = [path.name for path in files.searched if not is_file(path)]
    if absent:
        return None, [f"{META} holds no {several(absent)}, so there is no 1:N protocol"]
    searched: _Searched = []
    warnings: list[str] = []
    for name, path in zip((*files.galleries, "probes"), files.searched, strict=True):
        templates, subjects, remarks = read_template_subjects(path, ctx)
        searched.append((name, templates, subjects, path))
        warnings += remarks
    return searched, warnings


def read_template_subjects(path: Path, ctx: JobContext) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Templates of a 1:N file, ascending, their subjects, and warnings; columns TEMPLATE_ID and SUBJECT_ID."""
    needed = ("TEMPLATE_ID", "SUBJECT_ID")
    what = f"columns {' and '.join(needed)}, named in the first line"
    table = read_text_table(path, what, ctx, needed=needed, wanted=needed)
    ids, subjects = template_subjects(table.whole("TEMPLATE_ID"), table.whole("SUBJECT_ID"), path)
    return ids, subjects, table.warnings


def _known_subjects(searched: _Searched) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    templates = np.concatenate([ids for _, ids, _, _ in searched])
    subjects = np.concatenate([found for _, _, found, _ in searched])
    ids, first, place = np.unique(templates, return_index=True, return_inverse=True)
    wrong = subjects != subjects[first][place]
    if wrong.any():
        row = int(np.argmax(wrong))
        paths = [path for _, ids, _, path in searched for _ in range(len(ids))]
        raise DatasetError(
            f"template {templates[row]} is of subject {subjects[row]} here and of {subjects[first][place[row]]} in "
            f"{paths[first[place[row]]].name}",
            path=paths[row],
            remedy="all 1:N files must be of the same release: get them again",
        )
    return ids, subjects[first]


def _search(searched: _Searched, protocol: VerificationProtocol) -> tuple[IdentificationProtocol, str]:
    kept: list[tuple[str, NDArray[np.int32], NDArray[np.int64]]] = []
    dropped = []
    for name, ids, subjects, path in searched:
        positions = positions_of(ids, protocol.template_ids)
        there = positions >= 0
        kept.append((name, positions[there], subjects[there]))
        if not there.all():
            dropped.append(f"{path.name}: {int(np.count_nonzero(~there)):,} templates have no image and were left out")
    *galleries, probes = kept
    return IdentificationProtocol(tuple(Gallery(*gallery) for gallery in galleries), *probes[1:]), "; ".join(dropped)
