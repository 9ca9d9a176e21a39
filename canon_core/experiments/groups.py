"""Who is taken for whom, and who is not recognised: error rates by group of people or of pictures, at one threshold."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from canon_core.datasets.covariates import Covariate
from canon_core.datasets.template_groups import TemplateGroups, template_groups
from canon_core.errors import DatasetError, SettingsError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.jobs import JobContext
from canon_core.study.group_results import GroupRates, GroupSettings, load_groups, save_groups
from canon_core.study.keys import content_key
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.bootstrap import DEFAULT_LEVEL, DEFAULT_RESAMPLES, check_resampling, draw_subjects
from canon_core.verification.group_rates import group_counts
from canon_core.verification.roc import FarRule
from canon_core.verification.template_scores import ScoredPairs


def run_groups(
    study: Study,
    settings: MatrixSettings,
    source: str,
    target: str,
    covariate: str,
    far: float,
    rule: FarRule,
    ctx: JobContext,
    *,
    edges: Sequence[float] | None = None,
    absolute: bool | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
    level: float = DEFAULT_LEVEL,
) -> GroupRates:
    """FMR of every two groups and FNMR of every group of a cell, at the cell's threshold for a target FAR.

    One threshold, that of all pairs, serves every group: so a system would be run. A template's group is the class
    that more than half of its images have, or the bin of their median; ``mixed`` and ``unknown`` are groups apart. A
    genuine pair counts for a group when both of its templates are of it, else among the pairs of two groups. The
    result is stored.

    Parameters
    ----------
    study : Study
        Open for writing; a read-only study gives what is computed without storing it.
    settings : MatrixSettings
        Of the cell.
    source, target : str
        Two of its models, or one twice.
    covariate : str
        Name of one of the dataset's covariates, in any case.
    far : float
        One of the settings' target FARs.
    rule : FarRule
    ctx : JobContext
    edges, absolute :
        Bins of a measure (:func:`~canon_core.datasets.template_groups.template_groups`).
    resamples, seed, level :
        Draws of subjects, their seed, and the level of the intervals; map and threshold are held fixed.

    Raises
    ------
    DatasetError
        When the dataset has no such covariate.
    SettingsError
        When the settings do not fit the dataset, or the covariate.
    StudyError
        When no model has embeddings.
    """
    start = time.perf_counter()
    asked = GroupSettings(
        matrix=settings,
        source=source,
        target=target,
        covariate=covariate,
        far=far,
        rule=rule,
        edges=None if edges is None else tuple(float(edge) for edge in edges),
        absolute=absolute,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    known, asked, cells, path = _open(study, asked, ctx)
    stored = load_groups(path)
    if stored is not None:
        return replace(stored, settings=asked)  # models may have other names by now
    usable = cells.usable
    what = f"counting errors by {known.name}"
    ctx.report(0, 3, what)
    cell = cells.stored_cell(source, target) or cells.compute(source, target, ctx.quiet())
    ctx.report(1, 3, what)
    scored = cells.scored(source, target, ctx.quiet())
    ctx.report(2, 3, what)
    groups, templates, subjects = _groups(study, settings.dataset, known, scored, usable.rows, asked)
    point = cell.readings[rule][settings.far.index(far)].point
    draws = draw_subjects(len(cells.subject_names), resamples, seed)
    counts = group_counts(scored, groups.codes, len(groups.names), point.threshold, draws, ctx=ctx)
    everything = group_counts(scored, np.zeros_like(groups.codes), 1, point.threshold, draws, ctx=ctx)
    result = GroupRates(
        settings=asked,
        protocol=usable.dataset.protocol,
        dataset_title=usable.dataset.title,
        kind=str(known.kind),
        groups=groups.names,
        edges=groups.edges,
        absolute=groups.absolute,
        templates=templates,
        subjects=subjects,
        threshold=point.threshold,
        impostors=_tuples(counts.impostors),
        false_accepts=_tuples(counts.false_accepts),
        fmr=tuple(tuple(row) for row in counts.false_match_rates(level)),
        fnmr=tuple(counts.false_non_match_rates(level)),
        all_fmr=everything.false_match_rates(level)[0][0],
        all_fnmr=everything.false_non_match_rates(level)[0],
        seconds=time.perf_counter() - start,
    )
    if not study.read_only:
        folders = usable.folders
        attributes = {"source": folders[source], "target": folders[target], "dataset": usable.dataset.folder}
        save_groups(path, result, attributes)
    ctx.report(3, 3, what)
    return result


def stored_groups(study: Study, settings: GroupSettings) -> GroupRates | None:
    """What is stored of a cell's rates of groups, without scoring anything; None where nothing is.

    Raises
    ------
    DatasetError, SettingsError, StudyError
        As :func:`run_groups`.
    """
    _, asked, _, path = _open(study, settings, None)
    stored = load_groups(path)
    return None if stored is None else replace(stored, settings=asked)


def _open(
    study: Study, asked: GroupSettings, ctx: JobContext | None
) -> tuple[Covariate, GroupSettings, Cells, Path]:
    """The covariate, the settings with its name as the dataset has it, the cells, and where the result is stored."""
    _check(asked)
    cells = open_cells(study, asked.matrix, ctx)  # looks at the dataset's files, which may say other things by now
    usable = cells.usable
    known = _covariate(study, asked.matrix.dataset, asked.covariate)
    asked = replace(asked, covariate=known.name)
    reason = usable.why_not(asked.source, asked.target, asked.matrix.map)
    if reason:
        raise SettingsError(reason, remedy="choose models that are embedded")
    key = content_key(
        "groups",
        cell=cells.key(asked.source, asked.target),
        covariate=[known.name, sha256(known.values.tobytes()).hexdigest(), *known.classes],
        protocol=usable.dataset.templates.fingerprint if usable.dataset.templates is not None else "",
        target_far=asked.far,
        rule=str(asked.rule),
        edges=None if asked.edges is None else list(asked.edges),
        absolute=asked.absolute,
        resamples=asked.resamples,
        seed=asked.seed,
        level=asked.level,
    )
    return known, asked, cells, study.stored("results", key)


def _check(asked: GroupSettings) -> None:
    check_resampling(asked.resamples, asked.level)
    for name in (asked.source, asked.target):
        if name not in asked.matrix.models:
            raise SettingsError(f"the matrix has no model '{name}'", remedy="name one of its models")
    if asked.far not in asked.matrix.far:
        raise SettingsError(f"the matrix is not read at a FAR of {asked.far:g}", remedy="give one of its FARs")


def _covariate(study: Study, dataset: str, name: str) -> Covariate:
    protocols = study.templates(dataset)
    known = () if protocols is None else protocols.covariates
    for covariate in known:
        if covariate.name.casefold() == name.casefold():
            return covariate
    names = ", ".join(covariate.name for covariate in known)
    raise DatasetError(
        f"it has no covariate '{name}'" + (f"; it has {names}" if names else " (and none at all)"),
        path=study.dataset(dataset).path,
        remedy="" if names else "use a dataset in NIST's layout, whose files bring them, or `canon demo`",
    )


def _groups(
    study: Study,
    dataset: str,
    covariate: Covariate,
    scored: Sequence[ScoredPairs],
    rows: np.ndarray[Any, np.dtype[np.int64]],
    asked: GroupSettings,
) -> tuple[TemplateGroups, tuple[int, ...], tuple[int, ...]]:
    """Groups of the templates that are compared, and each group's templates and subjects."""
    protocols = study.templates(dataset)
    assert protocols is not None
    subject = np.full(protocols.verification.templates, -1, np.int64)
    for one in scored:
        subject[one.plan.first], subject[one.plan.second] = one.plan.first_subjects, one.plan.second_subjects
    usable = np.zeros(protocols.verification.images, bool)
    usable[rows] = True
    groups = template_groups(
        covariate.keep(usable),
        protocols.verification.template[usable],
        subject >= 0,
        edges=asked.edges,
        absolute=asked.absolute,
    )
    sizes = [np.flatnonzero(groups.codes == group) for group in range(len(groups.names))]
    return groups, tuple(map(len, sizes)), tuple(len(np.unique(subject[size])) for size in sizes)


def groups_json(found: GroupRates) -> dict[str, Any]:
    """The result as ``canon groups --json`` prints it.

    ``fmr`` is ``[group][group]`` with both orders added, ``fnmr`` ``[group]`` and, last, the pairs of two groups; each
    with ``rate``, ``low``, ``high``, ``errors`` and ``pairs``. ``ordered`` holds the counts with the source's group
    first. A rate without pairs is None.
    """
    settings = found.settings
    matrix = settings.matrix

    def rate(one: Any) -> dict[str, float | int | None]:
        numbers = {"rate": one.rate, "low": one.low, "high": one.high}
        return {
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "errors": one.errors,
            "pairs": one.pairs,
        }

    return {
        "dataset": matrix.dataset,
        "protocol": found.protocol,
        "source": settings.source,
        "target": settings.target,
        "map": str(matrix.map),
        "mode": str(matrix.mode),
        "features": str(matrix.features),
        "far": settings.far,
        "far_rule": str(settings.rule),
        "seed": matrix.seed,
        "threshold": found.threshold if math.isfinite(found.threshold) else None,
        "covariate": settings.covariate,
        "kind": found.kind,
        "edges": list(found.edges),
        "absolute": found.absolute,
        "groups": list(found.groups),
        "templates": list(found.templates),
        "subjects": list(found.subjects),
        "fmr": [[rate(one) for one in row] for row in found.fmr],
        "fnmr": [rate(one) for one in found.fnmr],
        "all": {"fmr": rate(found.all_fmr), "fnmr": rate(found.all_fnmr)},
        "ordered": {
            "impostors": [list(row) for row in found.impostors],
            "false_accepts": [list(row) for row in found.false_accepts],
        },
        "confidence": {
            "level": settings.level,
            "resamples": settings.resamples,
            "seed": settings.seed,
            "map": "held fixed",
            "threshold": "held fixed",
        },
        "seconds": found.seconds,
    }


def _tuples(table: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
