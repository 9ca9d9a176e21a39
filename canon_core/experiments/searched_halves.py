"""Who is searched where in 1:N: everybody at once, or one half of the subjects after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from canon_core.datasets.template_protocol import IdentificationProtocol
from canon_core.errors import SettingsError
from canon_core.experiments.usable import subject_half

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SearchedGallery:
    """What is searched, and by whom.

    Attributes
    ----------
    templates, subjects : (k,) int64
        Positions in ``enrolled`` of its half, and whose they are.
    searched_by : (n,) int64
        Positions in ``probes`` of its half: all but those of lost subjects.
    lost_subjects : int
        Subjects none of whose templates in this gallery has a usable image left.
    lost_probes : int
        Their probes: non-mated without them, they would make every model look better that still knows them.
    """

    templates: Ids
    subjects: Ids
    searched_by: Ids
    lost_subjects: int
    lost_probes: int


@dataclass(frozen=True, eq=False)
class SearchedHalf:
    """Who is searched where: everybody, or one half of the subjects.

    Attributes
    ----------
    probes : (p,) int64
        Positions of templates, ascending.
    probe_subjects : (p,) int64
    enrolled : (g,) int64
        Templates of all galleries, ascending, each once.
    galleries : tuple of SearchedGallery
    """

    probes: Ids
    probe_subjects: Ids
    enrolled: Ids
    galleries: tuple[SearchedGallery, ...]


def searched_halves(
    search: IdentificationProtocol, usable: npt.NDArray[np.bool_], seed: int | None, dataset: str
) -> tuple[SearchedHalf, ...]:
    """Galleries and probes cut into two halves of the subjects by ``seed``; everybody in one where it is None.

    Parameters
    ----------
    search : IdentificationProtocol
    usable : (t,) bool
        Which of all templates have a usable image left; the others are left out.
    seed : int or None
    dataset : str
        Its name, for errors.

    Raises
    ------
    SettingsError
        When a gallery has nobody in a half.
    """
    return tuple(_half(search, usable, seed, number, dataset) for number in range(1 if seed is None else 2))


def _half(
    search: IdentificationProtocol, usable: npt.NDArray[np.bool_], seed: int | None, number: int, dataset: str
) -> SearchedHalf:
    def inside(subjects: Ids) -> npt.NDArray[np.bool_]:
        if seed is None:
            return np.ones(len(subjects), bool)
        names, place = np.unique(subjects, return_inverse=True)
        half = np.array([subject_half(str(name), seed) for name in names.tolist()], np.int8)
        return np.asarray(half[place] == number)

    kept = usable[search.probes] & inside(search.probe_subjects)
    order = np.argsort(search.probes[kept], kind="stable")
    probe_subjects = search.probe_subjects[kept][order]
    found = []
    for gallery in search.galleries:
        own, left = inside(gallery.subjects), usable[gallery.templates]
        if not (own & left).any():
            which = "" if seed is None else f" within half {number} of the subjects"
            raise SettingsError(
                f"gallery {gallery.name} of '{dataset}' holds nobody{which}",
                remedy="use another --seed or --mode authors, or a larger dataset",
            )
        subjects = gallery.subjects[own & left]
        lost = np.setdiff1d(gallery.subjects[own], subjects)
        gone = np.isin(probe_subjects, lost)
        found.append((gallery.templates[own & left].astype(np.int64), subjects, gone, len(lost)))
    enrolled = np.unique(np.concatenate([templates for templates, *_ in found]))
    return SearchedHalf(
        probes=search.probes[kept].astype(np.int64)[order],
        probe_subjects=probe_subjects,
        enrolled=enrolled,
        galleries=tuple(
            SearchedGallery(
                templates=np.searchsorted(enrolled, templates),
                subjects=subjects,
                searched_by=np.flatnonzero(~gone),
                lost_subjects=lost,
                lost_probes=int(np.count_nonzero(gone)),
            )
            for templates, subjects, gone, lost in found
        ),
    )
