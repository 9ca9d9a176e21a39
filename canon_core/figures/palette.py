"""Colours and marker shapes shared by the figures and the window; numpy only, so that both may import it cheaply.

Heat colours run linearly in the lightness of OKLab (Ottosson 2020), so equal steps of TAR look alike and survive every
kind of colour blindness and grey printing. Series use the palette of Okabe and Ito (2008), each colour with a marker.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

#: Entries of every colour table: more than an eye can tell apart.
TABLE_SIZE = 256

# Ends of the heat tables in OKLCh: lightness, chroma, hue in degrees.
_HEAT_LIGHT = ((0.972, 0.018, 200.0), (0.400, 0.105, 258.0))
_HEAT_DARK = ((0.270, 0.035, 262.0), (0.840, 0.085, 208.0))
# Below zero, middle and above zero of the diverging tables: vermillion against blue, safe for red-green blindness.
_DIVERGING_LIGHT = ((0.560, 0.150, 45.0), (0.970, 0.000, 0.0), (0.470, 0.115, 248.0))
_DIVERGING_DARK = ((0.740, 0.135, 55.0), (0.285, 0.000, 0.0), (0.760, 0.105, 235.0))


class Marker(StrEnum):
    """Shapes that stay apart where colours do not."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"
    WEDGE = "wedge"  #: a triangle on its tip
    CROSS = "cross"
    STAR = "star"


@dataclass(frozen=True)
class SeriesStyle:
    """Colour and shape of one curve."""

    colour: RGB
    marker: Marker


# Okabe-Ito, ordered so that the ones that read worst on paper come last; black turns to near white on dark.
_SERIES: tuple[RGB, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (0, 0, 0),
    (240, 228, 66),
)
_LIGHT_INK: RGB = (230, 233, 238)
# Vermillion and blue (on dark ground sky blue), and a grey that is seen between them.
_MARGIN: dict[bool, tuple[RGB, RGB, RGB]] = {
    False: ((213, 94, 0), (160, 160, 160), (0, 114, 178)),
    True: ((240, 110, 10), (125, 125, 125), (86, 180, 233)),
}
# The two that are too dim on a dark ground, in the same hue.
_SERIES_DARK = {(0, 114, 178): (64, 156, 222), (0, 0, 0): _LIGHT_INK, (213, 94, 0): (236, 122, 40)}


def series_style(index: int, *, dark: bool = False) -> SeriesStyle:
    """Style of the curve with this number: 56 different pairs of colour and shape before one comes again."""
    colour = _SERIES[index % len(_SERIES)]
    if dark:
        colour = _SERIES_DARK.get(colour, colour)
    return SeriesStyle(colour, tuple(Marker)[index % len(Marker)])


def margin_colour(fraction: float, *, dark: bool = False) -> RGB:
    """Colour of single points for 0…1, ½ is grey: below vermillion, above blue. Every one is seen on white (or on dark)
    ground, and the ends are told apart whatever colours somebody sees."""
    low, middle, high = _MARGIN[dark]
    start, end = (low, middle) if fraction < 0.5 else (middle, high)
    part = min(max(2 * fraction - (fraction >= 0.5), 0.0), 1.0)
    red, green, blue = (round(one + part * (other - one)) for one, other in zip(start, end, strict=True))
    return red, green, blue


def heat_table(*, dark: bool = False) -> NDArray[np.uint8]:
    """Sequential colours for 0…1, shape (256, 3) uint8 sRGB: pale to deep on light ground, the reverse on dark."""
    return _ramp(_HEAT_DARK if dark else _HEAT_LIGHT, TABLE_SIZE)


def diverging_table(*, dark: bool = False) -> NDArray[np.uint8]:
    """Diverging colours for −1…1, shape (256, 3) uint8 sRGB; the middle is neutral."""
    below, middle, above = _DIVERGING_DARK if dark else _DIVERGING_LIGHT
    half = TABLE_SIZE // 2
    neutral_below = (middle[0], 0.0, below[2])
    neutral_above = (middle[0], 0.0, above[2])
    return np.concatenate([_ramp((below, neutral_below), half), _ramp((neutral_above, above), half)])


def colour_at(table: NDArray[np.uint8], fraction: float) -> RGB:
    """Entry of a table at a fraction of its length, clipped to its ends."""
    position = min(max(fraction, 0.0), 1.0) * (len(table) - 1)
    red, green, blue = table[round(position)].tolist()
    return red, green, blue


def ink_on(colour: RGB) -> RGB:
    """Black or white, whichever is easier to read on a colour; at least 4.5 : 1 (WCAG 2 contrast) on any."""
    luminance = relative_luminance(colour)
    return (0, 0, 0) if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else (255, 255, 255)


def relative_luminance(colour: RGB) -> float:
    """Relative luminance of an sRGB colour, 0…1 (WCAG 2)."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True)
class ColourRange:
    """Which values the two ends of a colour table stand for; ``exceeded`` where some value shown lies beyond them."""

    low: float
    high: float
    exceeded: bool = False

    def fraction(self, value: float) -> float:
        """Where a value lies between the ends, 0…1 inside."""
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        """Whether a value has a colour of its own: it lies between the ends."""
        return self.low - 1e-9 <= value <= self.high + 1e-9


def tar_range(values: Iterable[float]) -> ColourRange:
    """From the lowest TAR rounded down to a tenth, to 1: wide enough for all, narrow enough to tell them apart."""
    lowest = min((value for value in values if math.isfinite(value)), default=0.0)
    low = min(math.floor(lowest * 10 + 1e-9) / 10, 0.9)
    return ColourRange(max(low, 0.0), 1.0)


def difference_range(values: Iterable[float]) -> ColourRange:
    """Symmetric around zero, ends rounded up to 1, 2 or 5 times a power of ten, at least ±.01."""
    widest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if widest <= end:
            return ColourRange(-end, end)
    return ColourRange(-1.0, 1.0)


def _ramp(ends: tuple[tuple[float, float, float], tuple[float, float, float]], size: int) -> NDArray[np.uint8]:
    """Straight way between two OKLCh colours, as (size, 3) uint8 sRGB."""
    first, last = (np.array(end, dtype=np.float64) for end in ends)
    steps = np.linspace(0.0, 1.0, size)[:, None]
    lightness, chroma, hue = ((1 - steps) * first + steps * last).T
    radians = np.radians(hue)
    oklab = np.stack([lightness, chroma * np.cos(radians), chroma * np.sin(radians)], axis=1)
    to_lms = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear = np.clip((oklab @ to_lms.T) ** 3 @ to_linear.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colours: NDArray[np.uint8] = np.round(encoded * 255).astype(np.uint8)
    return colours
