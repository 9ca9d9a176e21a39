"""The overlay's bar changes what was touched, and nothing else that it stands at."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.results import FitMode

from .overlaid import pick, settle


def test_a_seed_of_any_size_stays_when_something_else_is_chosen(overlaid: MainWindow, qtbot: QtBot) -> None:
    bar, document = overlaid.overlay_view.bar, overlaid.document
    document.change("Set seed", seed=123_456)
    settle(overlaid, qtbot)
    assert bar.seed.value() == 123_456
    pick(bar.method, "singular")
    settle(overlaid, qtbot)
    assert document.state.seed == 123_456
    assert document.state.overlay.method is OverlayMethod.SINGULAR


def test_a_seed_that_is_typed_is_the_study_s(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.overlay_view.bar.settings_button.click()
    overlaid.overlay_view.bar.seed.setValue(1234)
    settle(overlaid, qtbot)
    assert overlaid.document.state.seed == 1234
    assert overlaid.overlays.settings.seed == 1234


def test_without_a_map_the_bar_says_so_and_chooses_none_by_the_way(overlaid: MainWindow, qtbot: QtBot) -> None:
    bar, document = overlaid.overlay_view.bar, overlaid.document
    document.change("Set map none", map=MapKind.NONE)
    settle(overlaid, qtbot)
    assert bar.map.currentText() == ""
    assert bar.map.placeholderText() == "none"
    pick(bar.method, "singular")
    settle(overlaid, qtbot)
    assert document.state.map is MapKind.NONE
    pick(bar.map, "affine")
    settle(overlaid, qtbot)
    assert document.state.map is MapKind.AFFINE
    assert overlaid.overlays.settings.method is OverlayMethod.SINGULAR


@pytest.mark.parametrize(
    ("chooser", "text"), [("method", "singular"), ("mode", "in-sample"), ("map", "rotation"), ("subset", "everything")]
)
def test_one_chooser_is_one_change(overlaid: MainWindow, qtbot: QtBot, chooser: str, text: str) -> None:
    document = overlaid.document
    before = document.state.to_json()
    # What the bar stands at where nobody touched it is not a wish.
    for spin in (overlaid.overlay_view.bar.seed, overlaid.overlay_view.bar.neighbours):
        spin.blockSignals(True)
        spin.setValue(spin.value() + 7)
        spin.blockSignals(False)
    pick(getattr(overlaid.overlay_view.bar, chooser), text)
    qtbot.waitUntil(lambda: document.state.to_json() != before)
    after = document.state.to_json()
    flat = [(key, before[key], after[key]) for key in before if key != "overlay"]
    flat += [(key, before["overlay"][key], after["overlay"][key]) for key in before["overlay"]]
    changed = [key for key, one, other in flat if one != other]
    assert changed == [{"subset": "subjects"}.get(chooser, chooser)]
    settle(overlaid, qtbot)
    assert document.state.mode is (FitMode.IN_SAMPLE if chooser == "mode" else FitMode.DISJOINT)
