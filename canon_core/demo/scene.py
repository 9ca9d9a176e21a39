"""What surrounds a face: background, hair that falls behind it, neck, clothes, ears, glasses, held objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.camera import project
from canon_core.demo.chart import Floats
from canon_core.demo.conditions import Conditions, Cover
from canon_core.demo.head import Head
from canon_core.demo.identity import HairStyle
from canon_core.demo.raymarch import Hits
from canon_core.demo.shading import Surfaces

Matrix = NDArray[np.float64]
_EAR_STYLES = (HairStyle.SHORT, HairStyle.SHAVED, HairStyle.TIED)


def blend(image: Floats, mask: Floats, colour: ArrayLike) -> None:
    """Lay a colour over the image by a mask (rows, columns), in place."""
    image += mask[..., None] * (np.asarray(colour, np.float32) - image)


def background(conditions: Conditions, size: int) -> Floats:
    """An out-of-focus place, (size, size, 3) linear RGB."""
    cv2 = opencv()
    rng = np.random.default_rng([0xBA, conditions.scene])
    base = rng.uniform(0.02, 0.5) * (1 + 0.18 * rng.standard_normal(3))
    fields = base * np.exp(0.45 * rng.standard_normal((4, 4, 1)) + 0.11 * rng.standard_normal((4, 4, 3)))
    place = cv2.resize(fields.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    sheet = np.zeros((size, size, 3), np.float32)
    weight = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        colour = base * np.exp(0.7 * rng.standard_normal() + 0.25 * rng.standard_normal(3))
        x, w = rng.uniform(-0.2, 1.1) * size, rng.uniform(0.05, 0.35) * size
        y = 0.0 if rng.random() < 0.6 else rng.uniform(0, 0.7) * size
        corners = ((int(x), int(y)), (int(x + w), int(y + rng.uniform(0.3, 1.4) * size)))
        cv2.rectangle(sheet, *corners, tuple(float(v) for v in colour), -1)
        cv2.rectangle(weight, *corners, 255, -1)
    soft = size * rng.uniform(0.012, 0.05)
    mask = cv2.GaussianBlur(weight.astype(np.float32) / 255, (0, 0), soft)
    place = place * (1 - mask[..., None]) + cv2.GaussianBlur(sheet, (0, 0), soft)
    return np.asarray(np.clip(place, 0.004, 1.0), np.float32)


def body(surfaces: Surfaces, head: Head, conditions: Conditions, hits: Hits, turn: Matrix) -> None:
    """Lay hair behind the head, neck and shoulders. The body stays upright while the head turns."""
    if head.identity.style in (HairStyle.LONG, HairStyle.BOB):
        _curtain(surfaces, head, hits, turn)
    t = head.identity.traits
    rng = np.random.default_rng([0xB0D, conditions.scene])
    root = turn @ np.array((0.0, -0.72, -0.20))
    jaw = float((turn @ np.array((0.0, -0.93, 0.45)))[1])
    part = _rows(hits.y < root[1] + 0.25)
    if part is None:
        return
    x, y = hits.x[part], hits.y[part]
    across = (x - np.float32(root[0] * 0.9)) / np.float32(t.neck_width)
    below = np.float32(jaw) - y
    widen = 1 + np.float32(0.35) * np.clip(below - 0.12, 0, 1) ** 2
    under = np.clip(0.30 + 1.1 * (below + 0.10), 0.28, 1.0)
    neck = np.clip((widen - np.abs(across)) / 0.06, 0, 1)
    neck *= np.clip((np.float32(root[1] + 0.22) - y) / 0.08 - 3 * across * across, 0, 1)
    surfaces.lay(part, neck, head.skin * 0.92, under * 0.3, _bent(across / widen, -0.15), under, under * under)
    slope = np.float32(root[1] - 0.52) - np.float32(0.42) * np.clip(np.abs(across) - 0.75, 0, 9) ** 0.8
    slope += np.float32(0.10) * np.exp(-(((np.abs(across) - 1.1) / 0.25) ** 2))
    slope -= np.float32(0.16 * rng.random()) * np.exp(-((across / 0.6) ** 2))
    fabric = np.clip(rng.uniform(0.02, 0.5) * np.exp(0.35 * rng.standard_normal(3)), 0.01, 0.8)
    shoulders = np.clip((slope - y) / 0.02, 0, 1)
    surfaces.lay(part, shoulders, fabric, 0.0, _bent(across * 0.3, 0.45), np.clip(under + 0.25, 0, 1), under)


def _curtain(surfaces: Surfaces, head: Head, hits: Hits, turn: Matrix) -> None:
    """Long hair that falls behind the face on both sides."""
    t, x, y = head.identity.traits, hits.x, hits.y
    centre = turn @ np.array((0.0, 0.15, -0.15))
    end = -0.80 if head.identity.style is HairStyle.BOB else -1.7
    wave = np.random.default_rng([0xC7, head.identity.seed]).uniform(-1, 1, 2).tolist()
    rise = np.clip((y - np.float32(centre[1])) / np.float32(0.85 + t.hair_volume), 0, 1)
    half = np.float32(t.head_width + 0.75 * t.hair_volume + 0.02) * np.sqrt(1 - rise * rise)
    half += np.clip(0.15 - y, 0, 1.2) * (0.07 + 0.05 * wave[0] * np.cos(3 * y + 3 * wave[1]))
    across = ((x - np.float32(centre[0])) / np.maximum(half, 0.05)).astype(np.float32)
    strand = np.sin(across * 31 + 2 * np.sin(3 * y + wave[1])) + np.float32(0.7) * np.sin(across * 83 + 1.5 * y)
    mask = np.clip((1 - np.abs(across)) / 0.06 + 0.10 * strand, 0, 1)
    mask *= (rise < 0.98) * np.clip((y - end) / 0.08 + 0.35 * strand, 0, 1)
    inner = np.clip(np.abs(across) * 1.3 - 0.35, 0.30, 1)
    colour = head.hair_colour.astype(np.float32) * (1 + np.float32(0.16) * strand[..., None])
    surfaces.lay(np.s_[:, :], mask.astype(np.float32), colour, inner * 0.6, _bent(across, 0.1), inner, inner)


def _bent(across: Floats, up: float) -> Floats:
    """Normals of something round about an upright axis, ``across`` −1…1 from its left to its right edge."""
    x = np.clip(across, -0.95, 0.95)
    z = np.sqrt(1 - x * x)
    return np.asarray(np.stack([x, np.full_like(x, up), z], axis=-1) / np.hypot(1, up), np.float32)


def _rows(wanted: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The rows and columns that hold every wanted pixel."""
    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    if not len(rows):
        return None
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def ears(surfaces: Surfaces, head: Head, hits: Hits, turn: Matrix) -> None:
    """Lay both ears, flattened ellipsoids with a painted rim and hollow; none under hair or cap that covers them."""
    if head.identity.style not in _EAR_STYLES or head.cover is Cover.CAP:
        return
    t = head.identity.traits
    for side in (-1.0, 1.0):
        centre = np.array((side * (t.head_width + 0.025), -0.03, -0.06))
        out = np.array((side * np.sin(t.ear_angle), 0.0, -np.cos(t.ear_angle)))  # from its front edge backwards
        high = np.array((side * 0.10, 0.97, -0.18))
        high -= out * (high @ out)
        high /= np.linalg.norm(high)
        flat = np.cross(high, out)
        axes = np.stack([out / (0.135 * t.ear_size), high / (0.245 * t.ear_size), flat / 0.045])
        _ear(surfaces, head, hits, (axes @ turn.T).astype(np.float32), (axes @ centre).astype(np.float32))


def _ear(surfaces: Surfaces, head: Head, hits: Hits, to_local: Floats, centre: Floats) -> None:
    """``to_local`` (3, 3) takes camera points to the ellipsoid's own frame, in which it is the unit sphere."""
    origin = to_local[:, 0, None, None] * hits.x + to_local[:, 1, None, None] * hits.y - centre[:, None, None]
    toward = to_local[:, 2]
    a = float(toward @ toward)
    b = np.tensordot(toward, origin, axes=1)
    discriminant = b * b - np.float32(a) * ((origin * origin).sum(axis=0) - 1)
    part = _rows(discriminant > 0)
    if part is None:
        return
    depth = (-b[part] + np.sqrt(np.maximum(discriminant[part], 0))) / np.float32(a)
    mask = np.clip(discriminant[part] / np.float32(0.22 * a), 0, 1)
    covered = hits.coverage[part]
    mask = mask * (np.clip((depth - hits.depth[part]) / 0.02, 0, 1) * covered + 1 - covered)
    local = origin[(slice(None), *part)] + toward[:, None, None] * depth
    normal = np.moveaxis(np.tensordot(to_local.T, local, axes=1), 0, -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + np.float32(1e-6)
    along, up = local[0], local[1]
    ring = np.sqrt(along**2 + up**2)
    hollow = 0.55 * np.exp(-(((along + 0.15) / 0.38) ** 2) - ((up + 0.12) / 0.36) ** 2)
    groove = 0.35 * np.exp(-(((ring - 0.68) / 0.10) ** 2)) * (along > -0.2) * (up > -0.5)
    openness = np.clip(1 - hollow - groove, 0.3, 1)
    albedo = head.skin * (1.04, 0.86, 0.84) * (0.55 + 0.45 * openness[..., None])
    surfaces.lay(part, mask.astype(np.float32), albedo, 0.3 * openness, normal, openness * 0.85, openness)


def glasses(image: Floats, head: Head, conditions: Conditions, hits: Hits, turn: Matrix, camera: Matrix) -> None:
    """Glasses or sunglasses in space before the eyes, in place."""
    cv2 = opencv()
    size = image.shape[0]
    t = head.identity.traits
    left, right = head.landmarks[0], head.landmarks[1]
    dark = conditions.cover is Cover.SUNGLASSES
    angle = np.linspace(0, 2 * np.pi, 25)
    wide, high = (0.180, 0.140) if dark else (0.172, 0.122)
    depth = float(max(left[2], right[2])) + 0.10
    outline = np.c_[
        wide * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.7,
        high * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.7,
    ]
    rings, lines = [], []
    for side, eye in ((-1, left), (1, right)):
        at = eye[0] + side * 0.012 + outline[:, 0]
        rings.append(np.c_[at, eye[1] - 0.015 + outline[:, 1], depth - 0.30 * np.maximum(np.abs(at) - 0.12, 0) ** 1.5])
        hinge = rings[-1][0 if side > 0 else 12]
        lines.append(np.linspace(hinge, (side * (t.head_width + 0.02), eye[1] + 0.03, -0.02), 12))
    inner = (rings[0][0], rings[1][12])
    arch = np.linspace(inner[0], inner[1], 7)
    arch[:, 1] += 0.030 * np.sin(np.linspace(0, np.pi, 7)) + 0.02
    zoom = 3
    lens, frame = (np.zeros((zoom * size, zoom * size), np.uint8) for _ in range(2))
    width = max(1, round(zoom * size * (0.016 if dark else 0.0125)))
    for ring in rings:
        cv2.fillPoly(lens, [_fixed(project(ring, turn, camera), zoom)], 255, cv2.LINE_AA, 4)
    for line in (*rings, arch, *lines):
        places = project(line, turn, camera)
        nearer = (line @ turn.T)[:, 2] + 0.05
        pixel = np.clip(np.round(places).astype(int), 0, size - 1)
        hidden = (nearer < hits.depth[pixel[:, 1], pixel[:, 0]]) & (hits.coverage[pixel[:, 1], pixel[:, 0]] > 0.5)
        points = _fixed(places, zoom)
        for k in range(len(points) - 1):
            if not (hidden[k] or hidden[k + 1]):
                cv2.line(frame, points[k].tolist(), points[k + 1].tolist(), 255, width, cv2.LINE_AA, 4)
    glass, rim = (
        np.asarray(cv2.resize(sheet, (size, size), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
        for sheet in (lens, frame)
    )
    lamp, room = np.asarray(conditions.light.lamp, np.float32), np.asarray(conditions.light.room, np.float32)
    mirrored = room * np.clip(0.25 + 0.5 * hits.y[..., None], 0, 0.4)
    blend(image, glass * np.float32(0.93 if dark else 0.06), mirrored * np.float32(0.35 if dark else 1.0))
    colour = np.asarray(conditions.cover_colour, np.float32) * (0.4 * lamp + room) + np.float32(0.012) * lamp
    blend(image, rim * np.float32(0.95), colour)


def held_object(image: Floats, conditions: Conditions) -> Floats:
    """Something between face and camera, in place; returns its mask (size, size)."""
    cv2 = opencv()
    size = image.shape[0]
    rng = np.random.default_rng([0x0B, conditions.scene])
    mask = np.zeros((2 * size, 2 * size), np.uint8)
    centre = (rng.uniform(0.15, 0.85) * 2 * size, rng.uniform(0.60, 1.0) * 2 * size)
    extent = (rng.uniform(0.10, 0.24) * 2 * size, rng.uniform(0.2, 0.55) * 2 * size)
    corners = cv2.boxPoints((centre, extent, float(rng.uniform(-50, 50))))
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(
        cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255, (0, 0), 0.02 * size
    )
    edge = np.clip((soft - 0.5) * 8 + 0.5, 0, 1)
    light = np.asarray(conditions.light.lamp, np.float32) * 0.5 + np.asarray(conditions.light.room, np.float32)
    colour = np.asarray(conditions.cover_colour, np.float32) * light * (0.7 + 0.3 * soft[..., None])
    blend(image, edge, colour)
    return np.asarray(edge, np.float32)


def _fixed(places: Matrix, zoom: int) -> NDArray[np.int32]:
    """Pixels in OpenCV's fixed point (4 fractional bits) on an image ``zoom`` times as large."""
    return np.round(((places + 0.5) * zoom - 0.5) * 16).astype(np.int32)
