"""Which overlay a study remembers."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.overlay_choice import OverlayChoice
from app.view_state import ViewState
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import OverlayLevel

choices = st.builds(
    OverlayChoice,
    all_sources=st.booleans(),
    method=st.sampled_from(OverlayMethod),
    level=st.sampled_from(OverlayLevel),
    subjects=st.none() | st.integers(0, 999_999),
    chosen=st.lists(st.text(min_size=1, max_size=5), max_size=4).map(tuple),
    chosen_in=st.text(max_size=5),
    neighbours=st.integers(2, 500),
    min_dist=st.floats(0, 1),
    colour=st.text(min_size=1, max_size=8),
    lines=st.booleans(),
)
keys = list(OverlayChoice().to_json())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(choices)
def test_a_choice_comes_back_from_json_as_it_was(choice: OverlayChoice) -> None:
    assert OverlayChoice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    state = ViewState(overlay=choice)
    assert ViewState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(st.dictionaries(st.sampled_from(keys), json_values) | json_values)
def test_whatever_a_file_says_the_choice_can_be_shown(saved: object) -> None:
    choice = OverlayChoice.from_json(saved)
    assert choice.subjects is None or 0 <= choice.subjects <= 999_999
    assert 2 <= choice.neighbours <= 500
    assert 0 <= choice.min_dist <= 1
    assert choice.colour
    assert all(isinstance(name, str) and name for name in choice.chosen)


def test_subjects_are_chosen_in_one_dataset_and_follow_its_name() -> None:
    choice = OverlayChoice(chosen=("ann", "bob"), chosen_in="faces")
    assert choice.chosen_of("faces") == ("ann", "bob")
    assert choice.chosen_of("others") == ()
    state = ViewState(dataset="others", overlay=choice).renamed(dataset=("faces", "portraits"))
    assert state.overlay == replace(choice, chosen_in="portraits")
    assert state.dataset == "others"
