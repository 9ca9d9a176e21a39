"""What the window remembers of a study."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from app.view_state import IMAGE_MODES, MAX_SELECTED, TEMPLATE_MODES, Focus, ViewState
from canon_core.maps.kinds import MapKind
from canon_core.study.results import DEFAULT_FAR, Features, FitMode, default_rule
from canon_core.verification.roc import FarRule

names = st.text(min_size=1, max_size=8)
states = st.builds(
    ViewState,
    dataset=names,
    left_out=st.frozensets(names, max_size=4),
    map=st.sampled_from(MapKind),
    mode=st.sampled_from(FitMode),
    seed=st.integers(0, 999_999),
    features=st.sampled_from(Features),
    far=st.sampled_from(DEFAULT_FAR),
    rule=st.sampled_from(FarRule),
    cells=st.lists(st.tuples(names, names), max_size=6).map(tuple),
    model=names,
    focus=st.sampled_from(Focus),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(states)
def test_a_state_comes_back_from_json_as_it_was(state: ViewState) -> None:
    assert ViewState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(json_values, st.dictionaries(st.sampled_from(sorted(ViewState().to_json())), json_values))
def test_whatever_a_file_holds_gives_some_state(anything: object, fields: dict[str, object]) -> None:
    for saved in (anything, fields):
        state = ViewState.from_json(saved)
        assert ViewState.from_json(state.to_json()) == state


def test_a_damaged_key_costs_that_key_only() -> None:
    saved = ViewState(dataset="faces", map=MapKind.ROTATION).to_json() | {"far": "much", "rule": 7, "seed": True}
    assert ViewState.from_json(saved) == ViewState(dataset="faces", map=MapKind.ROTATION)


def test_a_selection_without_end_is_cut() -> None:
    saved = ViewState().to_json() | {"cells": [["a", "b"]] * 100_000}
    assert len(ViewState.from_json(saved).cells) == MAX_SELECTED


def test_names_that_are_gone_leave_the_state() -> None:
    state = ViewState(
        dataset="old", left_out=frozenset({"c", "gone"}), cells=(("a", "b"), ("a", "gone"), ("a", "c")), model="gone"
    )
    fitting = state.fitting(["a", "b", "c"], ["new", "newer"])
    assert fitting == ViewState(dataset="new", left_out=frozenset({"c"}), cells=(("a", "b"),), model="")
    assert state.fitting([], []).dataset == ""


def test_a_renamed_model_stays_chosen() -> None:
    state = ViewState(dataset="d", left_out=frozenset({"x"}), cells=(("a", "b"), ("b", "b")), model="b")
    assert state.renamed(model=("b", "new")) == ViewState(
        dataset="d", left_out=frozenset({"x"}), cells=(("a", "new"), ("new", "new")), model="new"
    )
    assert state.renamed(dataset=("d", "e")).dataset == "e"
    assert state.renamed(dataset=("other", "e")) == state


def test_models_that_are_left_out_are_not_in_the_matrix() -> None:
    settings = ViewState(dataset="d", left_out=frozenset({"b"}), seed=3).settings(["a", "b", "c"])
    assert (settings.dataset, settings.models, settings.seed) == ("d", ("a", "c"), 3)


@given(states, st.booleans())
def test_a_dataset_gets_only_settings_that_it_can_have(state: ViewState, templates: bool) -> None:
    fitting = state.fitting([], [state.dataset], [state.dataset] if templates else [])
    assert fitting.mode in (TEMPLATE_MODES if templates else IMAGE_MODES)
    if templates:
        assert fitting.features is state.features
    else:
        assert fitting.features is Features.PAPER
    if fitting.mode is state.mode:
        assert fitting.rule is state.rule
    assert fitting.fitting([], [state.dataset], [state.dataset] if templates else []) == fitting


@given(states, st.sampled_from(FitMode))
def test_the_rule_goes_along_with_the_mode_unless_it_was_chosen(state: ViewState, mode: FitMode) -> None:
    after = state.with_mode(mode)
    assert after.mode is mode
    if state.rule is default_rule(state.mode):
        assert after.rule is default_rule(mode)
    else:
        assert after.rule is state.rule
