"""What every publication figure has in common: type, widths of a paper's columns, and the line of settings below."""

from __future__ import annotations

import math
import re
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches: one column and the full width of a two-column paper (IEEE, CVPR).
COLUMN_WIDTH, PAGE_WIDTH = 3.5, 7.0
#: Inches: the narrowest and the widest figure that can be asked for, and a millimetre.
NARROWEST, WIDEST, MM = 1.5, 20.0, 1 / 25.4
#: Points.
TEXT_SIZE, SMALL_SIZE, CAPTION_SIZE = 8.0, 7.0, 6.0
#: Height of a line in units of the text size; inches left free at the edges.
_LINE, _MARGIN = 1.3, 0.04
#: Characters after which a model's name goes on in the next line.
_NAME_WIDTH = 28
#: matplotlib's settings are one for the whole process: one thread at a time draws or saves.
_DRAWING = threading.RLock()
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
INK, FAINT = "#1b2027", "#8a93a0"


@contextmanager
def paper_style() -> Iterator[None]:
    """Settings under which figures are drawn and saved, whatever the user's matplotlibrc says.

    Text stays text: TrueType in PDF, and letters rather than outlines in SVG. The ids in SVG do not depend on chance.
    Only one thread is inside at a time.
    """
    import matplotlib as mpl

    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": "sans-serif",
                "font.sans-serif": ["DejaVu Sans"],
                "font.size": TEXT_SIZE,
                "axes.labelsize": TEXT_SIZE,
                "axes.titlesize": TEXT_SIZE,
                "axes.linewidth": 0.6,
                "axes.edgecolor": INK,
                "axes.labelcolor": INK,
                "text.color": INK,
                "text.parse_math": False,
                "xtick.color": INK,
                "ytick.color": INK,
                "xtick.labelsize": SMALL_SIZE,
                "ytick.labelsize": SMALL_SIZE,
                "legend.fontsize": SMALL_SIZE,
                "pdf.fonttype": 42,
                "svg.fonttype": "none",
                "svg.hashsalt": "canon",
                "savefig.dpi": 300,
                "figure.dpi": 100,
            }
        )
        yield


def new_figure(width: float, height: float, settings: str) -> tuple[Figure, Axes]:
    """A figure of ``width`` by ``height`` inches above its line of settings, and its axes.

    The settings are wrapped to the width and lie in a strip of their own, so nothing is ever drawn over them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    lines = settings_lines(settings, width - 2 * _MARGIN)
    strip = len(lines) * CAPTION_SIZE * _LINE / 72 + 2 * _MARGIN
    figure = Figure(figsize=(width, height + strip))
    FigureCanvasAgg(figure)
    bottom = strip / (height + strip)
    figure.set_layout_engine(
        ConstrainedLayoutEngine(compress=True, w_pad=_MARGIN, h_pad=_MARGIN, rect=(0, bottom, 1, 1 - bottom))
    )
    caption = figure.text(
        0.5,
        _MARGIN / (height + strip),
        "\n".join(lines),
        ha="center",
        va="bottom",
        fontsize=CAPTION_SIZE,
        color="#4a535f",
        linespacing=_LINE,
    )
    caption.set_in_layout(False)
    return figure, figure.add_subplot()


def settings_lines(settings: str, width: float) -> list[str]:
    """A line of settings in lines of at most ``width`` inches, broken between two settings where that is possible."""
    lines = [""]
    for part in settings.split(" · "):
        for number, word in enumerate([part] if text_width(part, CAPTION_SIZE) <= width else part.split()):
            joined = f"{lines[-1]}{' ' if number else ' · '}{word}" if lines[-1] else word
            if lines[-1] and text_width(joined, CAPTION_SIZE) > width:
                lines.append(word)
            else:
                lines[-1] = joined
    return lines


def wrapped(text: str, width: float, size: float) -> str:
    """Words in lines of at most ``width`` inches at ``size`` points."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(joined, size) > width:
            lines.append(word)
        else:
            lines[-1] = joined
    return "\n".join(lines)


def name_lines(name: str) -> str:
    """A model's name in lines short enough for an axis, broken after one of ``_-. `` where it has one."""
    words = re.findall(r"[^_\-. ]*[_\-. ]|[^_\-. ]+$", name)
    lines = [""]
    for word in words:
        for piece in textwrap.wrap(word, _NAME_WIDTH, drop_whitespace=False):
            if lines[-1] and len(lines[-1]) + len(piece) > _NAME_WIDTH:
                lines.append("")
            lines[-1] += piece
    return "\n".join(lines)


def text_width(text: str, size: float) -> float:
    """Inches that the longest line of a text takes at ``size`` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size)
    measure = TextToPath()
    return float(
        max(measure.get_text_width_height_descent(line or " ", font, ismath=False)[0] for line in text.split("\n")) / 72
    )


def square_fields(axes: Axes, count: int) -> None:
    """Axes of a matrix: ``count`` × ``count`` square fields, the first row at the top, without frame and ticks."""
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def power_of_ten(value: float) -> str:
    """A tick of a log axis, ``10⁻³``, without the mathematical typesetting that names are kept from."""
    exponent = math.log10(value) if value > 0 else math.nan
    if not math.isclose(exponent, round(exponent), abs_tol=1e-6):
        return ""
    return "1" if round(exponent) == 0 else "10" + str(round(exponent)).translate(_SUPERSCRIPT)
