"""Who the demo's networks are trained on, and whom none of them may ever have seen.

The ten networks of the paper's Table 3 were trained on collections that nest, overlap, or share nobody. So are these:
the letters are the paper's, the people are numbers of rendered identities
(:func:`canon_core.demo.identity.draw_identity`).
"""

from __future__ import annotations

from typing import Final

#: In the place of Glint360K: everybody.
G: Final = range(3600)
#: In the place of MS1M.
M1: Final = range(2400)
#: In the place of MS1MV2, inside MS1M.
M2: Final = range(1800)
#: In the place of VGGFace2: shares 600 people with M1 and none with M2.
V: Final = range(1800, 3000)
#: In the place of CASIA-WebFace: shares 400 people with V and none with M1.
C: Final = range(2600, 3600)
#: As many as M2, none of them in it: what the twin with other data is trained on.
NOT_M2: Final = range(1800, 3600)

#: Everybody that some network is trained on.
TRAINING: Final = G
#: Photographed for the networks' own figures only.
VALIDATION: Final = range(900_000, 900_200)
#: The people of the demo study are numbered from here on. No network sees them, and no choice was made by them.
HELD_OUT: Final = 1_000_000
