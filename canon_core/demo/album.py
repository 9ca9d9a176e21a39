"""Albums: many photographs of many synthetic people, as aligned crops, the same bytes for the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.camera import Frame
from canon_core.demo.conditions import draw_conditions
from canon_core.demo.head import build_head
from canon_core.demo.identity import draw_identity
from canon_core.demo.render import render_head

#: Numbers of identities that no stand-in network was fitted on start here.
HELD_OUT: Final = 1_000_000
#: Harder than portraits, easier than the demo's stills: what shallow networks can still tell apart.
_HARDNESS: Final = 0.7
_COVER_SHARE: Final = 0.12
#: Photographs taken of one expression before the face changes: building a head takes longer than seeing it.
_PER_HEAD: Final = 2


def photograph_album(person: int, count: int, size: int = 112) -> NDArray[np.uint8]:
    """Aligned crops (count, size, size, 3) uint8 RGB of the identity number ``person``."""
    identity = draw_identity(person)
    album = np.empty((count, size, size, 3), np.uint8)
    head, worn = None, None
    for number in range(count):
        conditions = draw_conditions((person, number), hardness=_HARDNESS, cover_share=_COVER_SHARE)
        if head is None or worn is None or number % _PER_HEAD == 0:
            worn = conditions
            head = build_head(identity, worn.expression, worn.cover, worn.cover_colour)
        conditions = replace(conditions, expression=worn.expression, cover=worn.cover, cover_colour=worn.cover_colour)
        album[number] = render_head(head, conditions, size, Frame.ALIGNED).image
    return album
