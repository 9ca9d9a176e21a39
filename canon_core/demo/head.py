"""One person with one expression, ready to be seen from anywhere: surface, paint, and what is worn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.chart import UP, Canvas, Floats
from canon_core.demo.conditions import Colour, Cover, Expression
from canon_core.demo.features import Points, eye, landmark_places, mouth
from canon_core.demo.hair import Hair, hair
from canon_core.demo.identity import Identity
from canon_core.demo.skin import complexion, paint_face
from canon_core.demo.surface import cavities, face_relief, normals, skull, surface_points


@dataclass(frozen=True, eq=False)
class Head:
    """A head in its own frame (right, up, forward; see :mod:`~canon_core.demo.identity` for the unit).

    Attributes
    ----------
    identity : Identity
    radius : (ROWS, COLUMNS) float32 ndarray
        Distance of the surface from the skull's centre.
    paint : (ROWS, COLUMNS, 4) float32 ndarray
        Linear RGB albedo and gloss.
    form : (ROWS, COLUMNS, 4) float32 ndarray
        Outward unit normal, and the share of the room's light that gets there.
    landmarks : (5, 3) float64 ndarray
        Eye centres, nose tip, mouth corners on the surface.
    skin, hair_colour : (3,) float64 ndarray
        Linear RGB.
    cover : Cover
    cover_colour : (red, green, blue)
    """

    identity: Identity
    radius: Floats
    paint: Floats
    form: Floats
    landmarks: Points
    skin: NDArray[np.float64]
    hair_colour: NDArray[np.float64]
    cover: Cover
    cover_colour: Colour


def build_head(
    identity: Identity,
    expression: Expression | None = None,
    cover: Cover = Cover.NONE,
    cover_colour: Colour = (0.06, 0.06, 0.07),
) -> Head:
    """Shape and paint a head; takes longer than seeing it, so see it several times where poses differ only."""
    expression = expression or Expression()
    t = identity.traits
    grown = hair(identity)
    lips = mouth(t, expression)
    canvas = paint_face(identity, expression, (eye(t, expression, -1), eye(t, expression, 1)), lips, grown)
    relief = face_relief(identity, expression)
    bare = skull(t)
    landmarks = surface_points(bare * (1 + relief), landmark_places(t, expression))
    _comb(canvas, grown)
    relief += grown.lift
    if cover is Cover.MASK:
        relief = _mask(canvas, relief, t.nose_up, cover_colour)
    elif cover is Cover.CAP:
        relief = _cap(canvas, relief, cover_colour)
    radius = (bare * (1 + relief)).astype(np.float32)
    form = np.concatenate([normals(radius), cavities(relief)[..., None]], axis=2)
    paint = np.concatenate([np.clip(canvas.colour, 0.003, 1.0), canvas.gloss[..., None]], axis=2)
    return Head(identity, radius, paint, form, landmarks, complexion(t), grown.colour, cover, cover_colour)


def _comb(canvas: Canvas, grown: Hair) -> None:
    canvas.spread(grown.cover, grown.colour)
    canvas.colour *= (1 + grown.cover * (grown.shade - 1))[..., None]
    canvas.gloss += grown.cover * (np.float32(0.9) * np.clip(grown.shade, 0.4, 1.8) - canvas.gloss)


def _mask(canvas: Canvas, relief: Floats, nose_up: float, colour: Colour) -> Floats:
    """A surgical mask from the nose's back to below the chin; it bridges the hollows of what it covers."""
    cv2 = opencv()
    top = nose_up + 0.13
    outline = [
        (-0.98, -0.12),
        (-0.55, -0.10),
        (-0.16, top - 0.04),
        (0.0, top),
        (0.16, top - 0.04),
        (0.55, -0.10),
        (0.98, -0.12),
        (0.92, -0.62),
        (0.45, -0.93),
        (-0.45, -0.93),
        (-0.92, -0.62),
    ]
    sheet = Canvas((0, 0, 0), 0.0)
    sheet.polygon(outline, (1, 1, 1), soft=0.7)
    where = sheet.colour[..., 0]
    canvas.spread(where, colour)
    for up in (-0.33, -0.45, -0.57):
        canvas.lines(
            [[(at, up - 0.05 * at * at) for at in np.linspace(-0.7, 0.7, 9)]], np.asarray(colour) * 0.72, 0.6, soft=0.8
        )
    canvas.gloss *= 1 - 0.9 * where
    smooth = cv2.GaussianBlur(np.maximum(relief, 0.04), (0, 0), 7.0) + np.float32(0.03)
    return np.asarray(relief + where * (smooth - relief), np.float32)


def _cap(canvas: Canvas, relief: Floats, colour: Colour) -> Floats:
    """A knitted cap down to the brows' upper forehead, with a rolled rim."""
    edge = 0.47
    where = np.clip((UP - edge) / np.float32(0.02), 0, 1)[:, None] * np.ones((1, relief.shape[1]), np.float32)
    canvas.spread(where, colour)
    ribs = 1 + np.float32(0.10) * np.sin(np.arange(relief.shape[1], dtype=np.float32) * 1.9)
    canvas.colour *= (1 + where * (ribs[None, :] - 1))[..., None]
    canvas.gloss *= 1 - 0.95 * where
    rim = np.exp(-0.5 * ((UP - (edge + 0.06)) / 0.05) ** 2).astype(np.float32)[:, None]
    wool = np.maximum(np.float32(0.10) + np.float32(0.045) * rim - np.float32(0.4) * relief, 0)
    return np.asarray(relief + where * wool, np.float32)
