"""A verification protocol put together from ids as files hold them, and held against itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.template_protocol import UNKNOWN, VerificationProtocol, positions_of
from canon_core.errors import DatasetError


def build_protocol(
    template: NDArray[np.int64],
    media: NDArray[np.int64],
    p1: NDArray[np.integer[Any]],
    p2: NDArray[np.integer[Any]],
    genuine: NDArray[np.bool_],
    *,
    known_subjects: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    pair_file: Path,
    first_line: int = 1,
    images_file: Path | None = None,
) -> VerificationProtocol:
    """Put a protocol together from ids as the files hold them.

    Parameters
    ----------
    template, media : (n,) int64
        Ids of each image's template and media.
    p1, p2 : (k,) integers
        Template ids of each pair.
    genuine : (k,) bool
        Whether both are of one subject.
    known_subjects : pair of (s,) int64, optional
        Ascending template ids and their subject ids; a template that is not among them has the subject that genuine
        pairs link it to, and templates that genuine pairs link to each other alone are of a subject with an id of its
        own (:func:`own_subjects`). Without it subjects follow from the genuine pairs alone: templates linked by them
        are of one subject, which gets the smallest of their template ids.
    pair_file, images_file : Path
        Where pairs and images came from, for errors.
    first_line : int
        Of the first pair in its file.

    Raises
    ------
    DatasetError
        When a pair names a template without an image, with its line.
    """
    table = np.unique(template)
    ends = []
    for ids in (p1, p2):
        positions = positions_of(ids, table)
        absent = positions < 0
        if absent.any():
            row = int(np.argmax(absent))
            raise DatasetError(
                f"line {row + first_line} names template {int(ids[row])}, of which there is no image"
                + (f" in {images_file.name}" if images_file is not None else "")
                + f" ({int(np.count_nonzero(absent)):,} such pairs)",
                path=pair_file,
                remedy="both files must be of the same release: get them again",
            )
        ends.append(positions)
    enrolled = np.zeros(len(table), bool)
    enrolled[ends[0]] = True
    if known_subjects is None or not len(known_subjects[0]):
        subjects = _subjects_by_pairs(table, ends[0], ends[1], genuine)
    else:
        place = positions_of(table, known_subjects[0])
        subjects = np.where(place >= 0, known_subjects[1][place], UNKNOWN)
        subjects = _linked_subjects(subjects, ends[0], ends[1], genuine, taken=known_subjects[1])
    return VerificationProtocol(
        template_ids=table,
        subjects=subjects,
        enrolled=enrolled,
        template=positions_of(template, table),
        media=media.astype(np.int64, copy=False),
        p1=ends[0],
        p2=ends[1],
        genuine=genuine,
    )


def contradictions(protocol: VerificationProtocol) -> NDArray[np.bool_]:
    """(k,) bool: pairs whose label says other than the subjects of their templates, where both are known."""
    one, other = protocol.subjects[protocol.p1], protocol.subjects[protocol.p2]
    return np.asarray(((one == other) != protocol.genuine) & (one != UNKNOWN) & (other != UNKNOWN))


def own_subjects(protocol: VerificationProtocol, known_subjects: NDArray[np.int64]) -> tuple[int, int]:
    """Templates, and subjects, that nobody names but genuine pairs tell: those with an id that is not known."""
    own = protocol.subjects[(protocol.subjects != UNKNOWN) & ~np.isin(protocol.subjects, known_subjects)]
    return len(own), len(np.unique(own))


def pair_warnings(protocol: VerificationProtocol, pair_file: Path) -> list[str]:
    """One sentence each, with counts, for pairs that a list holds more than once, and for pairs of a template with
    itself: both are scored as they stand there, and make TAR and FAR mean something else."""
    repeated = len(protocol) - _distinct_pairs(protocol)
    itself = int(np.count_nonzero(protocol.p1 == protocol.p2))
    found = []
    if repeated:
        found.append(f"{pair_file.name}: {repeated:,} pairs stand in it before and count once more")
    if itself:
        found.append(f"{pair_file.name}: {itself:,} pairs are of a template with itself")
    return found


def template_subjects(
    templates: NDArray[np.int64], subjects: NDArray[np.int64], path: Path, lines: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every template once, ascending, and its subject, from one row an image.

    Parameters
    ----------
    templates, subjects : (n,) int64
        Ids in each row.
    path : Path
        Where they came from, for errors.
    lines : (n,) int64, optional
        Line of each row; unless given they start below a header.

    Raises
    ------
    DatasetError
        When one template has two subjects, or one with a negative number (which stands for nobody), with the line.
    """
    if (subjects < 0).any():
        row = int(np.argmax(subjects < 0))
        raise DatasetError(
            f"line {row + 2 if lines is None else int(lines[row])}: '{int(subjects[row])}' is no subject's number",
            path=path,
            remedy="number subjects from 0, or leave out what is of nobody known",
        )
    ids, first, place = np.unique(templates, return_index=True, return_inverse=True)
    wrong = subjects != subjects[first][place]
    if wrong.any():
        row = int(np.argmax(wrong))
        line = row + 2 if lines is None else int(lines[row])
        raise DatasetError(
            f"line {line}: template {int(templates[row])} is of subject {int(subjects[row])} here and of "
            f"{int(subjects[first][place[row]])} before",
            path=path,
            remedy="get the file again",
        )
    return ids, subjects[first]


# -- private ---------------------------------------------------------------------------------------------------------
#: Pairs looked at in one call, and the largest table of all that could be (IJB-C's has 69 million).
_PIECE = 2**20
_MAX_TABLE = 2**29


def _distinct_pairs(protocol: VerificationProtocol) -> int:
    """How many different pairs there are; 15.7 million take a quarter of a second."""
    column = np.zeros(protocol.templates, np.int64)
    used = np.zeros(protocol.templates, bool)
    used[protocol.p2] = True
    column[used] = np.arange(int(np.count_nonzero(used)))
    row = np.cumsum(protocol.enrolled) - 1
    rows, columns = int(np.count_nonzero(protocol.enrolled)), int(np.count_nonzero(used))
    if rows * columns > _MAX_TABLE:
        keys = np.sort(row[protocol.p1] * columns + column[protocol.p2])
        return int(np.count_nonzero(np.diff(keys))) + bool(len(keys))
    seen = np.zeros(rows * columns, bool)
    for low in range(0, len(protocol), _PIECE):
        part = slice(low, low + _PIECE)
        seen[row[protocol.p1[part]] * columns + column[protocol.p2[part]]] = True
    return int(np.count_nonzero(seen))


def _linked_subjects(
    subjects: NDArray[np.int64],
    p1: NDArray[np.int32],
    p2: NDArray[np.int32],
    genuine: NDArray[np.bool_],
    *,
    taken: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Subjects, with those of unknown templates that genuine pairs link to one subject alone, or to each other alone:
    these get ids that are not taken, or ``disjoint`` would lose their genuine pairs."""
    if (subjects != UNKNOWN).all():
        return subjects
    count, component = _components(len(subjects), p1[genuine], p2[genuine])
    known = subjects != UNKNOWN
    lowest = np.full(count, np.iinfo(np.int64).max)
    highest = np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(lowest, component[known], subjects[known])
    np.maximum.at(highest, component[known], subjects[known])
    agreed = lowest == highest
    paired = np.zeros(count, bool)
    paired[component[p1[genuine]]] = True
    unnamed = np.bincount(component[known], minlength=count) == 0
    _, first = np.unique(component, return_index=True)  # in the order of templates, whatever components are numbered by
    own = np.flatnonzero(paired & unnamed)
    own = own[np.argsort(first[own])]
    free = np.setdiff1d(np.arange(1, len(taken) + len(own) + 1), taken)
    lowest[own] = free[: len(own)]
    agreed[own] = True
    return np.where(~known & agreed[component], lowest[component], subjects)


def _components(
    templates: int, one: NDArray[np.int32], other: NDArray[np.int32]
) -> tuple[int, NDArray[np.int32]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(templates, templates))
    count, component = connected_components(graph, directed=False)
    return int(count), component


def _subjects_by_pairs(
    table: NDArray[np.int64], p1: NDArray[np.int32], p2: NDArray[np.int32], genuine: NDArray[np.bool_]
) -> NDArray[np.int64]:
    one, other = p1[genuine], p2[genuine]
    count, component = _components(len(table), one, other)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, table)
    subjects: NDArray[np.int64] = smallest[component]
    linked = np.zeros(len(table), bool)
    linked[one] = linked[other] = linked[p1] = linked[p2] = True
    return np.where(linked, subjects, UNKNOWN)
