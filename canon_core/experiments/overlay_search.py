"""Finds somebody by a part of a name: among the points of an overlay, and in its datasets where they were not drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.experiments.overlay import open_overlay
from canon_core.experiments.overlay_dataset import candidates, protocol_of
from canon_core.study.overlay_results import Overlay, OverlayLevel
from canon_core.study.study import Study

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails

#: Images that are looked at for a subject who is not drawn: of more, whoever searches knows too little yet.
_MOST_IMAGES: Final = 5_000


def points_named(result: Overlay, details: OverlayDetails, text: str) -> NDArray[np.int32]:
    """Points, of every model, whose subject or id holds some text, in any case; none for no text."""
    wanted = text.strip().casefold()
    if not wanted:
        return np.zeros(0, np.int32)
    found = np.isin(result.subject[result.rows(0)], list(_holding(result.subject_names, wanted)))
    found[list(_holding(details.names, wanted))] = True
    items = np.flatnonzero(found)
    starts = np.arange(len(result.models)) * result.items[0]
    return (starts[:, None] + items).reshape(-1).astype(np.int32)


def subjects_not_drawn(study: Study, result: Overlay, text: str) -> tuple[str, ...]:
    """Subjects of an overlay's datasets who could be shown and are not, and whose name holds some text, in any case;
    where points are images, also those of whose images the id holds it. Each name once.

    Raises
    ------
    SettingsError, StudyError
        When what the overlay was made of is not there any more.
    """
    wanted = text.strip().casefold()
    if not wanted or not result.sampled:
        return ()
    found: dict[str, None] = {}
    for place, cells in enumerate(open_overlay(study, result.settings, None).every):
        of_dataset = result.subject[result.rows(0)][result.dataset == place]
        drawn = {result.subject_names[code] for code in np.unique(of_dataset).tolist()}
        there = candidates(cells, protocol_of(study, cells), result.settings)
        present = np.unique(there.codes).tolist()
        names = [there.names[code] for code in present]
        found |= dict.fromkeys(names[number] for number in _holding(names, wanted) if names[number] not in drawn)
        if result.settings.level is OverlayLevel.IMAGES:
            ids = study.faces(result.settings.datasets[place]).ids
            rows = np.array(list(islice(_holding(ids, wanted), _MOST_IMAGES)), np.int64)
            codes = np.unique(there.codes[np.isin(there.item, rows)])
            found |= dict.fromkeys(name for code in codes.tolist() if (name := there.names[code]) not in drawn)
    return tuple(found)


def _holding(names: Sequence[str], wanted: str) -> Iterator[int]:
    """Places of the names that hold some text; of a million names in a tenth of a second, as one text."""
    text = "\0".join(names).casefold()
    place, start, at = 0, 0, text.find(wanted)
    while at >= 0:
        place += text.count("\0", start, at)
        yield place
        start = text.find("\0", at)
        if start < 0:
            return
        at = text.find(wanted, start)
