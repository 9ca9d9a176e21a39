"""A stored answer is that to the latest question."""

from __future__ import annotations

import threading

from pytestqt.qtbot import QtBot

from app.engine_bridge import EngineBridge
from app.lookup import Lookup
from canon_core.errors import CanonError, StoreError


class Told:
    """What a lookup told, and how it stood then."""

    def __init__(self, bridge: EngineBridge) -> None:
        self.seen: list[tuple[object, bool]] = []
        self.faults: list[CanonError] = []
        self.lookup = Lookup[str](bridge, "topic", self.changed, self.faults.append)

    def changed(self) -> None:
        self.seen.append((self.lookup.found, self.lookup.known))


def test_the_same_question_is_asked_once_and_another_keeps_what_was_found_until_it_is_answered(
    bridge: EngineBridge, qtbot: QtBot
) -> None:
    told, gate = Told(bridge), threading.Event()
    told.lookup.want(1, lambda: "one")
    told.lookup.want(1, lambda: "never read")
    qtbot.waitUntil(lambda: told.lookup.known)
    told.lookup.want(2, lambda: "two" if gate.wait(10) else None)
    assert (told.lookup.found, told.lookup.known) == ("one", False)
    gate.set()
    qtbot.waitUntil(lambda: told.lookup.known)
    assert told.seen == [("one", True), ("two", True)]


def test_an_answer_that_nobody_waits_for_any_more_is_not_shown(bridge: EngineBridge, qtbot: QtBot) -> None:
    told, gate = Told(bridge), threading.Event()
    told.lookup.want(1, lambda: "one" if gate.wait(10) else None)
    told.lookup.want_nothing()
    gate.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert told.seen == [(None, True)]


def test_what_cannot_be_read_is_known_and_told(bridge: EngineBridge, qtbot: QtBot) -> None:
    told = Told(bridge)

    def read() -> str:
        raise StoreError("damaged")

    told.lookup.want(1, read)
    qtbot.waitUntil(lambda: bool(told.faults))
    assert told.lookup.error is told.faults[0]
    assert (told.lookup.found, told.lookup.known) == (None, True)


def test_after_results_were_deleted_the_same_question_is_asked_again(bridge: EngineBridge, qtbot: QtBot) -> None:
    told, answers = Told(bridge), iter(["one", "another"])
    told.lookup.want(1, lambda: next(answers))
    qtbot.waitUntil(lambda: told.lookup.known)
    told.lookup.outdate()
    told.lookup.want(1, lambda: next(answers))
    qtbot.waitUntil(lambda: told.lookup.known)
    assert told.lookup.found == "another"
    told.lookup.forget()
    assert (told.lookup.found, told.lookup.known) == (None, False)
