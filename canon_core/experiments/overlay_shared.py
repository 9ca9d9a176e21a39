"""What an added dataset shares with the one that the maps are fitted on, so that nobody goes through a map that was
fitted on their own images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from canon_core.datasets.template_protocol import UNKNOWN
from canon_core.experiments.cell_base import Cells
from canon_core.experiments.overlay_dataset import protocol_of
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.usable import subject_half
from canon_core.study.study import Study


@dataclass(frozen=True)
class SharedSubjects:
    """Subjects of the added dataset whose half their name alone does not tell.

    Attributes
    ----------
    halves : dict
        Half of those who share images with the fitted dataset: that of the subject whose images they are.
    undecided : frozenset of str
        Those who share something with both halves: no map is free of them.
    notes : tuple of str
        What was found, in words.
    """

    halves: dict[str, int]
    undecided: frozenset[str]
    notes: tuple[str, ...]


def shared_subjects(study: Study, fitted: Cells, added: Cells, seed: int) -> SharedSubjects:
    """Look for the same images, by their bytes, in two datasets.

    The half of an added subject is told by the name, as in the fitted dataset: who goes by one name in both is never
    shown through a map fitted on themselves, whether they are one person or two. Who appears under another name is
    found where both datasets have an image in common.
    """
    ours, theirs = fitted.usable.faces, added.usable.faces
    if not (ours.has_images and theirs.has_images):
        return SharedSubjects({}, frozenset(), (
            "whether an added dataset and the one of the maps have images in common cannot be told: there are no files",
        ))
    common = set(ours.sha256).intersection(theirs.sha256)
    if not common:
        return SharedSubjects({}, frozenset(), ())
    whose: dict[str, set[str]] = {}
    for digest, name in _named(study, fitted, common):
        whose.setdefault(digest, set()).add(name)
    claims: dict[str, set[int]] = {}
    for digest, name in _named(study, added, common):
        claims.setdefault(name, set()).update(subject_half(each, seed) for each in whose.get(digest, ()))
    present = set(fitted.subject_names)
    for name, halves in claims.items():
        if name in present or not halves:
            halves.add(subject_half(name, seed))
    undecided = frozenset(name for name, halves in claims.items() if len(halves) > 1)
    note = (
        f"{len(common):,} images of an added dataset are also in the one of the maps: their subjects are of the half"
        " that they are of there"
    )
    if undecided:
        note += f"; {len(undecided):,} who share images with both halves are left out"
    found = {name: next(iter(halves)) for name, halves in claims.items() if len(halves) == 1}
    return SharedSubjects(found, undecided, (note,))


def _named(study: Study, cells: Cells, common: set[str]) -> list[tuple[str, str]]:
    """Bytes and subject of every image whose bytes are in ``common``."""
    faces = cells.usable.faces
    rows = [row for row, digest in enumerate(faces.sha256) if digest in common]
    protocol = protocol_of(study, cells)
    if protocol is None or not isinstance(cells, TemplateCells):
        return [(faces.sha256[row], faces.subjects[row]) for row in rows]
    template = protocol.template[np.array(rows, np.int64)].astype(np.int64)
    known = protocol.subjects[template] != UNKNOWN
    codes = cells.codes[template]
    return [
        (faces.sha256[row], cells.subject_names[code])
        for row, code, told in zip(rows, codes.tolist(), known.tolist(), strict=True)
        if told
    ]
