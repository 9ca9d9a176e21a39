"""Ctrl+Y makes a choice again too, unless the user gave it to something else."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QKeySequence

from app.actions import Actions

pytestmark = pytest.mark.usefixtures("qapp")


def keys(actions: Actions, key: str) -> list[str]:
    return [each.toString() for each in actions[key].shortcuts()]


def test_ctrl_y_makes_a_choice_again_beside_the_usual_keys() -> None:
    parent = QObject()
    actions = Actions(parent)
    assert "Ctrl+Y" in keys(actions, "edit.redo")
    assert keys(actions, "edit.redo")[0] == actions.default_shortcut("edit.redo").toString()
    assert actions.changed_shortcuts() == {}


def test_the_user_can_have_it_for_something_else_and_give_it_back() -> None:
    parent = QObject()
    actions = Actions(parent)
    actions.use_shortcuts({"study.add_model": "Ctrl+Y", "edit.redo": "Ctrl+Shift+Z"})
    assert keys(actions, "study.add_model") == ["Ctrl+Y"]
    assert keys(actions, "edit.redo") == ["Ctrl+Shift+Z"]
    actions.set_shortcut("study.add_model", QKeySequence("Ctrl+M"))
    assert keys(actions, "edit.redo") == ["Ctrl+Shift+Z", "Ctrl+Y"]
    actions.set_shortcut("edit.redo", QKeySequence())  # none is none
    assert keys(actions, "edit.redo") == []
