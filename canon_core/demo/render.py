"""See a synthetic person: identity and conditions in, photograph and exact landmarks out.

>>> from canon_core.demo.conditions import draw_conditions
>>> from canon_core.demo.identity import draw_identity
>>> face = render_face(draw_identity(7), draw_conditions(1), 112)
>>> face.image.shape, face.landmarks.shape
((112, 112, 3), (5, 2))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.camera import Frame, camera_matrix, project, rotation
from canon_core.demo.conditions import Conditions, Cover
from canon_core.demo.head import Head, build_head
from canon_core.demo.identity import Identity
from canon_core.demo.photograph import develop
from canon_core.demo.raymarch import Hits, march
from canon_core.demo.scene import background, blend, body, ears, glasses, held_object
from canon_core.demo.shading import Surfaces, own_shadow
from canon_core.demo.visibility import detector_score


@dataclass(frozen=True, eq=False)
class RenderedFace:
    """One photograph.

    Attributes
    ----------
    image : (size, size, 3) uint8 ndarray
        RGB.
    landmarks : (5, 2) float64 ndarray
        Exact pixels (x, y) of eye centres, nose tip, mouth corners, hidden ones too; in the template's order.
    score : float
        What a face detector would say, 0…1: it falls with turned, hidden, dark and blurred faces.
    """

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    score: float


def render_face(
    identity: Identity, conditions: Conditions, size: int = 112, frame: Frame = Frame.PHOTO
) -> RenderedFace:
    """Photograph one person once."""
    head = build_head(identity, conditions.expression, conditions.cover, conditions.cover_colour)
    return render_head(head, conditions, size, frame)


def render_run(
    identity: Identity, run: Sequence[Conditions], size: int = 112, frame: Frame = Frame.PHOTO
) -> tuple[RenderedFace, ...]:
    """Photograph one person several times, e.g. the frames of a video; heads are built anew only where needed."""
    faces: list[RenderedFace] = []
    head: Head | None = None
    last: Conditions | None = None
    for conditions in run:
        if head is None or last is None or not _same_head(last, conditions):
            head = build_head(identity, conditions.expression, conditions.cover, conditions.cover_colour)
        faces.append(render_head(head, conditions, size, frame))
        last = conditions
    return tuple(faces)


def render_head(head: Head, conditions: Conditions, size: int = 112, frame: Frame = Frame.PHOTO) -> RenderedFace:
    """Photograph a head that is already built (for this expression and cover)."""
    turn = rotation(conditions.pose)
    camera = camera_matrix(head.landmarks, turn, conditions, size, frame)
    hits = march(head.radius, turn, camera, size)
    surfaces = Surfaces(size)
    body(surfaces, head, conditions, hits, turn)
    _lay_head(surfaces, head, conditions, hits, turn)
    ears(surfaces, head, hits, turn)
    image = background(conditions, size)
    blend(image, surfaces.coverage, surfaces.light(conditions.light))
    if head.cover in (Cover.GLASSES, Cover.SUNGLASSES):
        glasses(image, head, conditions, hits, turn, camera)
    hidden = held_object(image, conditions) if head.cover is Cover.OBJECT else None
    landmarks = project(head.landmarks, turn, camera)
    score = detector_score(head, conditions, hits, turn, landmarks, hidden)
    return RenderedFace(develop(image, conditions), landmarks, score)


def _lay_head(surfaces: Surfaces, head: Head, conditions: Conditions, hits: Hits, turn: NDArray[np.float64]) -> None:
    cv2 = opencv()
    size = hits.depth.shape[0]
    paint, form = (
        np.asarray(
            cv2.remap(chart, hits.column, hits.row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
        for chart in (head.paint, head.form)
    )
    normals = form[..., :3] @ turn.T.astype(np.float32)
    step = 2 * float(np.hypot(hits.x[0, 1] - hits.x[0, 0], hits.y[0, 1] - hits.y[0, 0]))
    lit = own_shadow(hits.coarse_depth, step, conditions.light, size)
    surfaces.lay(np.s_[:, :], hits.coverage, paint[..., :3], paint[..., 3], normals, form[..., 3], lit)


def _same_head(a: Conditions, b: Conditions) -> bool:
    return (a.expression, a.cover, a.cover_colour) == (b.expression, b.cover, b.cover_colour)
