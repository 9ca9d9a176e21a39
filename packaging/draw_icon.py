"""The program's icon: the five landmarks of an aligned face, and the same five turned onto them.

    .venv/bin/python packaging/draw_icon.py                   # writes resources/icon/canon-explorer.svg anew
    .venv/bin/python packaging/draw_icon.py --png build/icons  # and pictures of it in every size a desktop asks for

The points are the template that faces are aligned to, so the icon says what the program does: two arrangements of the
same face that differ by a rotation.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ICON = ROOT / "resources" / "icon" / "canon-explorer.svg"
#: Pixels of the pictures, as the hicolor theme has folders for them.
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)

#: Side of the drawing, in its own units.
_SIDE = 128
_CENTRE = _SIDE / 2
#: From the template's pixels (112 a side) to the drawing's units: the five points fill the tile.
_SCALE = 1.62
_ANGLE = math.radians(40)
_TARGET, _SOURCE = "#56B4E9", "#E69F00"  # Okabe and Ito: sky blue, orange
_RADIUS = 11.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--png", type=Path, metavar="FOLDER", help="also write pictures, FOLDER/SIZExSIZE.png")
    arguments = parser.parse_args()
    ICON.parent.mkdir(parents=True, exist_ok=True)
    ICON.write_text(drawing(), encoding="utf-8")
    if arguments.png:
        write_pictures(arguments.png)
    return 0


def drawing() -> str:
    """The icon as SVG: a dark tile, orange points, blue points, and the arcs that carry the ones onto the others."""
    target = _template()
    source = [_turned(point, -_ANGLE) for point in target]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}" width="{_SIDE}" height="{_SIDE}">',
        "<title>Canon Explorer</title>",
        '<defs><linearGradient id="tile" x1="0" y1="0" x2="0" y2="1">'
        '<stop offset="0" stop-color="#2C3A4F"/><stop offset="1" stop-color="#141B27"/></linearGradient></defs>',
        f'<rect x="4" y="4" width="{_SIDE - 8}" height="{_SIDE - 8}" rx="26" fill="url(#tile)"/>',
    ]
    parts += [_arc(*pair) for pair in zip(source, target, strict=True)]
    parts += [_point(point, _SOURCE, 0.68 * _RADIUS) for point in source]
    parts += [_point(point, _TARGET, _RADIUS) for point in target]
    return "\n".join([*parts, "</svg>", ""])


def write_pictures(folder: Path) -> list[Path]:
    """The icon as PNG in every size, drawn by Qt without a display."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication.instance() or QGuiApplication(sys.argv[:1])
    renderer = QSvgRenderer(str(ICON))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for size in SIZES:
        picture = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        picture.fill(0)
        painter = QPainter(picture)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        written.append(folder / f"{size}x{size}.png")
        if not picture.save(str(written[-1])):
            raise OSError(f"{written[-1]} could not be written")
    del application
    return written


def _template() -> list[tuple[float, float]]:
    """The five landmarks with the nose in the middle of the tile: eyes, nose, corners of the mouth."""
    sys.path.insert(0, str(ROOT))
    from canon_core.datasets.faces import ARCFACE_POINTS

    middle = ARCFACE_POINTS[2]
    return [
        (_CENTRE + _SCALE * float(x - middle[0]), _CENTRE + _SCALE * float(y - middle[1])) for x, y in ARCFACE_POINTS
    ]


def _turned(point: tuple[float, float], angle: float) -> tuple[float, float]:
    x, y = point[0] - _CENTRE, point[1] - _CENTRE
    return (
        _CENTRE + math.cos(angle) * x - math.sin(angle) * y,
        _CENTRE + math.sin(angle) * x + math.cos(angle) * y,
    )


def _arc(source: tuple[float, float], target: tuple[float, float]) -> str:
    radius = math.dist(target, (_CENTRE, _CENTRE))
    return (
        f'<path d="M{source[0]:.2f} {source[1]:.2f}A{radius:.2f} {radius:.2f} 0 0 1 {target[0]:.2f} {target[1]:.2f}"'
        f' fill="none" stroke="{_SOURCE}" stroke-opacity="0.7" stroke-width="5" stroke-linecap="round"/>'
    )


def _point(point: tuple[float, float], colour: str, radius: float) -> str:
    return f'<circle cx="{point[0]:.2f}" cy="{point[1]:.2f}" r="{radius:.2f}" fill="{colour}"/>'


if __name__ == "__main__":
    sys.exit(main())
