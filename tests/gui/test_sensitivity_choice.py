"""Which curves of sensitivity a study remembers, and how steps are typed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sensitivity_choice import MAPS, SensitivityChoice, pairs_text, read_pairs
from app.view_state import IMAGE_MODES, TEMPLATE_MODES, ViewState
from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode, MatrixSettings

steps = st.lists(st.just(0) | st.integers(2, 10**6), max_size=5, unique=True)
choices = st.builds(
    SensitivityChoice,
    maps=st.sampled_from([(MapKind.LINEAR,), (MapKind.ROTATION,), MAPS]),
    modes=st.sets(st.sampled_from(FitMode), min_size=1).map(lambda modes: tuple(m for m in FitMode if m in modes)),
    pairs=steps.map(tuple),
    repeats=st.integers(1, 99),
    chosen=st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(choices)
def test_a_choice_comes_back_from_json_as_it_was(choice: SensitivityChoice) -> None:
    assert SensitivityChoice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    state = ViewState(sensitivity=choice)
    assert ViewState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(st.dictionaries(st.sampled_from(["maps", "modes", "pairs", "repeats", "chosen"]), json_values) | json_values)
def test_whatever_a_file_says_the_choice_can_be_drawn(saved: object) -> None:
    choice = SensitivityChoice.from_json(saved)
    assert choice.maps
    assert choice.modes
    assert 1 <= choice.repeats <= 99
    assert all(count == 0 or count >= 2 for count in choice.pairs)


@given(steps)
def test_steps_that_are_written_are_read_again_in_order(pairs: list[int]) -> None:
    wanted = tuple(sorted(pairs, key=lambda count: count or float("inf")))
    assert read_pairs(pairs_text(pairs)) == wanted


def test_steps_can_be_typed_loosely() -> None:
    assert read_pairs("  128,32 64; all ") == (32, 64, 128, 0)
    assert read_pairs("32, 64, … all") == (32, 64, 0)  # as the empty field shows it
    assert read_pairs("") == ()
    assert read_pairs("ALL 32 32") == (32, 0)


@pytest.mark.parametrize("text", ["1", "many", "-5", "3.5", "0", "²"])
def test_what_is_no_number_of_pairs_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no number of fit pairs"):
        read_pairs(text)


def test_curves_are_one_a_map_and_a_mode_that_the_dataset_can_have() -> None:
    choice = SensitivityChoice(modes=(FitMode.DISJOINT, FitMode.AUTHORS))
    matrix = MatrixSettings("d", ("a", "b"), seed=4)
    found = [(each.map, each.mode) for each in choice.settings(matrix, TEMPLATE_MODES)]
    assert found == [(kind, mode) for mode in (FitMode.DISJOINT, FitMode.AUTHORS) for kind in MAPS]
    assert [each.mode for each in choice.settings(matrix, IMAGE_MODES)] == [FitMode.DISJOINT] * 2
    only = SensitivityChoice(modes=(FitMode.AUTHORS,))
    assert {each.mode for each in only.settings(matrix, IMAGE_MODES)} == {FitMode.DISJOINT}
    assert {each.seed for each in only.settings(matrix, IMAGE_MODES)} == {4}
