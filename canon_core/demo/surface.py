"""The head's shape: a star-shaped surface, the distance from the skull's centre for every direction of the chart."""

from __future__ import annotations

import numpy as np

from canon_core.datasets.images import opencv
from canon_core.demo.chart import AT, COLUMNS, DIRECTIONS, ROWS, UP, Floats, Relief, directions, to_texels
from canon_core.demo.conditions import Expression
from canon_core.demo.features import Points
from canon_core.demo.identity import Identity, Traits
from canon_core.demo.texture import shape_modes

#: Height of one unit deviate of a shape mode, as a fraction of the radius.
_MODE_HEIGHT = 0.013
_CROWN = 1.0
_BACK = 0.86


def skull(traits: Traits) -> Floats:
    """Radius (ROWS, COLUMNS) of the head without features: a superellipsoid, flatter in front than behind."""
    p = np.float32(traits.squareness)
    x, y, z = (DIRECTIONS[..., k] for k in range(3))
    depth = np.where(z > 0, np.float32(traits.head_depth), np.float32(_BACK))
    total = (
        np.abs(x / np.float32(traits.head_width)) ** p + np.abs(y / np.float32(_CROWN)) ** p + np.abs(z / depth) ** p
    )
    return np.asarray(total ** (-1 / p), np.float32)


def face_relief(identity: Identity, expression: Expression) -> Floats:
    """Features as a relative height (ROWS, COLUMNS) above the skull."""
    t, smile, opening = identity.traits, expression.smile, max(expression.opening, 0.0)
    relief = Relief()
    add = relief.add
    # lower face: the maxilla under the mouth, chin, jaw corners
    add(0.085, 0.0, -0.56, 0.25, 0.17)
    add(0.075 + t.chin_length, 0.0, -0.84 - 0.05 * opening, 0.17, 0.085)
    add(t.chin_width, 0.17, -0.82, 0.11, 0.09)
    add(t.jaw_width, 0.72, -0.60, 0.22, 0.17)
    add(-0.16, 1.34, -0.80, 0.36, 0.32)  # behind the jaw the neck begins
    add(-0.030, 0.0, -0.725 - 0.06 * opening, 0.13, 0.032)
    # cheeks and forehead
    add(0.016 + t.cheekbone, 0.52, -0.10, 0.16, 0.11)
    add(t.cheek, 0.47, -0.42, 0.17, 0.17)
    add(0.028 * max(smile, 0.0), 0.38, -0.34, 0.10, 0.08)
    add(t.forehead, 0.0, 0.55, 0.42, 0.20)
    add(t.temple, 0.80, 0.33, 0.15, 0.20)
    # sockets, brow ridge, eyeballs under the lids
    add(t.brow_ridge, 0.24, t.eye_up + 0.155, 0.18, 0.050)
    add(-t.eye_depth, t.eye_at - 0.015, t.eye_up + 0.005, 0.115, 0.075)
    add(0.036, t.eye_at, t.eye_up - 0.002, 0.082, 0.052)
    add(-0.010, t.eye_at, t.eye_up - 0.115, 0.10, 0.030)
    # wings, ball and root of the nose, groove beside the wings, philtrum
    add(0.058, 0.86 * t.nose_wings, t.nose_up - 0.028, 0.036, 0.044)
    add(0.020, 0.0, t.nose_up - 0.085, 0.030, 0.040)
    add(t.nose_ball * 0.75, 0.0, t.nose_up + 0.010, 0.060, 0.050)
    add(-0.016, t.nose_wings + 0.065, t.nose_up - 0.05, 0.030, 0.055)
    add(-0.010, 0.0, -0.515, 0.022, 0.035)
    # lips
    upper, lower = t.mouth_up + 0.028, t.mouth_up - 0.045 - 0.12 * opening
    add(t.lip_fullness, 0.0, upper, t.mouth_width * 0.55, 0.024)
    add(1.25 * t.lip_fullness, 0.0, lower, t.mouth_width * 0.48, 0.030)
    add(-0.012, 0.0, t.mouth_up, t.mouth_width * 0.62, 0.012)
    add(-0.09 * opening, 0.0, t.mouth_up - 0.055 * opening, t.mouth_width * 0.5, 0.02 + 0.05 * opening)
    add(-0.012 - 0.014 * max(smile, 0.0), t.mouth_width * 1.06, t.mouth_up + 0.02 * smile, 0.032, 0.035)
    add(-0.010 * t.folds - 0.012 * max(smile, 0.0), t.mouth_width + 0.055, t.mouth_up + 0.13, 0.030, 0.07)
    add(0.014 * expression.brows, 0.22, t.eye_up + 0.20, 0.18, 0.05)
    total = relief.sum() + _nose(t)
    total += np.float32(_MODE_HEIGHT) * (identity.shape_modes @ shape_modes()).reshape(total.shape)
    # All directions meet in the chart's lowest row: what depends on the direction must fade out above it.
    fade = np.clip((UP + 1.0) / 0.12, 0, 1)[:, None].astype(np.float32)
    return np.asarray(total * fade + total.mean(axis=1, keepdims=True) * (1 - fade), np.float32)


def _nose(t: Traits) -> Floats:
    """The nose's back, from its root between the eyes to the tip, and its underside, (ROWS, COLUMNS)."""
    root = t.eye_up + 0.055
    down = np.clip((root - UP) / (root - t.nose_up), 0.0, 1.0)
    back = t.nose_bridge + (t.nose_tip - t.nose_bridge) * down**1.35
    back *= np.clip((root + 0.13 - UP) / 0.15, 0.0, 1.0)
    under = t.nose_tip * np.exp(-0.5 * ((UP - t.nose_up) / 0.068) ** 2)
    height = np.where(t.nose_up < UP, back, under)
    # below the tip it narrows to the column between the nostrils
    width = t.nose_width * (0.80 + 0.42 * down) * (1 - 0.5 * np.clip((t.nose_up - UP) / 0.11, 0.0, 1.0))
    axis = t.nose_bend * np.sin(np.pi * down)
    across = (AT[None, :] - axis[:, None]) / width[:, None]
    return np.asarray((height[:, None] * np.exp(-0.5 * across**2)), np.float32)


def normals(radius: Floats) -> Floats:
    """Outward unit normals (ROWS, COLUMNS, 3) of the surface with this radius."""
    cv2 = opencv()
    points = DIRECTIONS * radius[..., None]
    right = cv2.Sobel(points, cv2.CV_32F, 1, 0, ksize=3, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(points, cv2.CV_32F, 0, 1, ksize=3, borderType=cv2.BORDER_REPLICATE)
    cross = np.empty_like(points)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        np.subtract(down[..., i] * right[..., j], down[..., j] * right[..., i], out=cross[..., k])
    length = np.sqrt(np.einsum("ijk,ijk->ij", cross, cross)) + np.float32(1e-9)
    cross /= length[..., None]
    return cross


def cavities(relief: Floats) -> Floats:
    """How much of the room's light reaches each place, 0.4…1.08: less in hollows, more on ridges."""
    cv2 = opencv()
    hollow = cv2.GaussianBlur(relief, (0, 0), 6.0) - relief
    narrow = cv2.GaussianBlur(relief, (0, 0), 2.0) - relief
    reach = 1 - 2.4 * np.clip(hollow, -0.03, 0.25) - 2.0 * np.clip(narrow, -0.02, 0.1)
    return np.asarray(np.clip(reach, 0.4, 1.08), np.float32)


def surface_points(radius: Floats, places: Points) -> Points:
    """Points (n, 3) of the head at chart points (n, 2), the radius interpolated bilinearly as the renderer does."""
    pixels = to_texels(places)
    column = np.clip(pixels[:, 0], 0, COLUMNS - 1.001)
    row = np.clip(pixels[:, 1], 0, ROWS - 1.001)
    i, j = row.astype(int), column.astype(int)
    a, b = row - i, column - j
    value = (1 - a) * ((1 - b) * radius[i, j] + b * radius[i, j + 1]) + a * (
        (1 - b) * radius[i + 1, j] + b * radius[i + 1, j + 1]
    )
    return np.asarray(directions(places[:, 0], places[:, 1]) * value[:, None], np.float64)
