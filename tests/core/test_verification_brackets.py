"""What decides which impostor scores are kept around an operating point."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.verification.brackets import _at_ordinals, _ordinal, allowed_false_accepts


@settings(deadline=None, max_examples=200)
@given(impostors=st.integers(1, 3000), count=st.integers(0, 3000), nudge=st.sampled_from([-1, 0, 1]))
def test_allowed_false_accepts_are_the_most_whose_rate_is_within_the_target(
    impostors: int, count: int, nudge: int
) -> None:
    rate = min(count, impostors) / impostors
    target = min(max(math.nextafter(rate, nudge * math.inf), 0.0), 1.0) if nudge else rate
    rates = np.arange(impostors + 1) / impostors
    assert allowed_false_accepts(target, impostors) == np.flatnonzero(rates <= target)[-1]


@settings(deadline=None)
@given(score=st.floats(-(2.0**100), 2.0**100, width=32))
def test_a_float32_has_one_place_among_all_of_them(score: float) -> None:
    place = _ordinal(score)
    around = _at_ordinals(np.array([place - 1, place, place + 1]))
    assert around[1] == np.float32(score)
    expected = [np.nextafter(np.float32(score), np.float32(side)) for side in (-np.inf, np.inf)]
    assert [around[0], around[2]] == expected
