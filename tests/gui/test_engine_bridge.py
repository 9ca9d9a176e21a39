"""How the engine's events reach the window."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.engine_bridge import EngineBridge
from canon_core.errors import CanonError, ModelError, UnknownName
from canon_core.jobs import JobContext, Lane


def test_results_arrive_in_the_gui_thread(bridge: EngineBridge, qtbot: QtBot) -> None:
    seen: list[tuple[object, bool]] = []
    with qtbot.waitSignal(bridge.finished):
        bridge.submit(
            "work",
            lambda ctx: threading.current_thread().name,
            on_result=lambda name: seen.append((name, QThread.isMainThread())),
        )
    assert seen == [("canon-batch", True)]


def test_progress_between_two_ticks_is_told_once_and_is_the_newest(bridge: EngineBridge, qtbot: QtBot) -> None:
    def work(ctx: JobContext) -> None:
        for number in range(1, 4):
            ctx.report(number, 3, f"stage {number}")  # another stage is never held back by the engine itself

    told = []
    bridge.progress.connect(told.append)
    bridge._timer.stop()  # one tick only, when everything is there
    bridge.submit("work", work)
    bridge._timer.stop()
    qtbot.waitUntil(lambda: not bridge.engine.busy())
    bridge.drain()
    assert [(event.what, event.done) for event in told] == [("stage 3", 3)]


def test_partial_results_come_together_and_before_the_end(bridge: EngineBridge, qtbot: QtBot) -> None:
    order: list[object] = []

    def work(ctx: JobContext) -> str:
        for number in range(5):
            ctx.partial(number)
        return "end"

    with qtbot.waitSignal(bridge.finished):
        bridge.submit("work", work, on_partial=order.extend, on_result=order.append)
    assert order == [0, 1, 2, 3, 4, "end"]


def test_a_later_question_on_the_topic_replaces_the_earlier_one(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []
    release = threading.Event()

    def stubborn(ctx: JobContext) -> str:  # does not look whether it was cancelled, and answers all the same
        release.wait(5)
        return "old"

    bridge.ask("cell", stubborn, on_result=answers.append)
    bridge.ask("cell", lambda ctx: "skipped", on_result=answers.append)
    bridge.ask("cell", lambda ctx: "new", on_result=answers.append)
    release.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == ["new"]


def test_questions_on_other_topics_wait_for_each_other(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []

    def slow(ctx: JobContext) -> str:
        for _ in range(10):
            ctx.check()
            time.sleep(0.01)
        return "faces"

    bridge.ask("faces", slow, on_result=answers.append)
    bridge.ask("cell", lambda ctx: "cell", on_result=answers.append)
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == ["faces", "cell"]


def test_a_figure_that_is_drawn_holds_up_no_question(bridge: EngineBridge, qtbot: QtBot) -> None:
    drawing, let_go, answers = threading.Event(), threading.Event(), []

    def draw(_ctx: JobContext) -> str:  # as Matplotlib does: it asks nobody whether to go on
        drawing.set()
        let_go.wait(20)
        return "figure"

    bridge.ask("preview", draw, on_result=answers.append, lane=Lane.DRAWING)
    bridge.ask("other preview", lambda _ctx: "second figure", on_result=answers.append, lane=Lane.DRAWING)
    assert drawing.wait(10)
    for number in range(3):
        bridge.ask("hover", lambda _ctx, number=number: number, on_result=answers.append)
        qtbot.waitUntil(lambda number=number: answers == list(range(number + 1)), timeout=1000)
    let_go.set()
    qtbot.waitUntil(lambda: answers == [0, 1, 2, "figure", "second figure"])


def test_a_dropped_figure_is_not_told_and_its_lane_goes_on(bridge: EngineBridge, qtbot: QtBot) -> None:
    drawing, let_go, answers = threading.Event(), threading.Event(), []

    def draw(_ctx: JobContext) -> str:
        drawing.set()
        let_go.wait(20)
        return "figure"

    bridge.ask("preview", draw, on_result=answers.append, lane=Lane.DRAWING)
    assert drawing.wait(10)
    bridge.drop("preview")
    bridge.ask("preview", lambda _ctx: "the next", on_result=answers.append, lane=Lane.DRAWING)
    let_go.set()
    qtbot.waitUntil(lambda: answers == ["the next"])


def test_answers_from_before_a_revision_are_dropped(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []
    begun, release = threading.Event(), threading.Event()

    def work(ctx: JobContext) -> str:
        begun.set()
        release.wait(5)
        return "of the old study"

    bridge.ask("cell", work, on_result=answers.append)
    assert begun.wait(5)
    bridge.revise()
    release.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == []


def test_what_is_under_way_when_the_study_changes_is_asked_again(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []
    begun, release = threading.Event(), threading.Event()
    runs: list[str] = []

    def work(ctx: JobContext) -> str:
        runs.append("cell")
        begun.set()
        release.wait(5)
        return f"cell {len(runs)}"

    bridge.ask("cell", work, on_result=answers.append)
    bridge.ask("faces", lambda ctx: "faces", on_result=answers.append)
    assert begun.wait(5)
    bridge.ask_again()
    bridge.ask_again()
    release.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == ["cell 2", "faces"]


def test_what_an_earlier_study_was_asked_is_not_asked_again(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []
    begun, release = threading.Event(), threading.Event()

    def work(ctx: JobContext) -> str:
        begun.set()
        release.wait(5)
        return "old"

    bridge.ask("cell", work, on_result=answers.append)
    assert begun.wait(5)
    bridge.revise()  # another study
    bridge.ask_again()  # which changed
    release.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == []


def test_a_dropped_topic_is_answered_no_more_and_lets_the_next_one_in(bridge: EngineBridge, qtbot: QtBot) -> None:
    answers: list[str] = []
    release = threading.Event()
    bridge.ask("dialog", lambda ctx: release.wait(5), on_result=lambda _: answers.append("dialog"))
    bridge.ask("cell", lambda ctx: "cell", on_result=answers.append)
    bridge.drop("dialog")
    release.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert answers == ["cell"]


def test_a_batch_job_is_not_disturbed_by_questions(bridge: EngineBridge, qtbot: QtBot) -> None:
    results: list[str] = []

    def batch(ctx: JobContext) -> str:
        for _ in range(20):
            ctx.check()
            time.sleep(0.01)
        return "batch"

    bridge.submit("batch", batch, on_result=results.append)
    for number in range(5):
        bridge.ask("cell", lambda ctx, number=number: f"cell {number}", on_result=results.append)
    qtbot.waitUntil(lambda: not bridge.busy)
    assert results == ["cell 4", "batch"]


def test_each_job_ends_in_exactly_one_way(bridge: EngineBridge, qtbot: QtBot) -> None:
    ends: list[str] = []
    begun = threading.Event()

    def endless(ctx: JobContext) -> None:
        begun.set()
        while True:
            ctx.check()
            time.sleep(0.005)

    def fails(ctx: JobContext) -> None:
        raise ModelError("not an ONNX file", path="x.onnx")

    ways = {
        "on_result": lambda _: ends.append("result"),
        "on_failure": lambda error: ends.append(str(error)),
        "on_cancelled": lambda: ends.append("cancelled"),
    }
    number = bridge.submit("endless", endless, **ways)
    bridge.submit("fails", fails, **ways)
    waiting = bridge.submit("waits", lambda ctx: None, **ways)
    assert list(bridge.batch()) == [number, number + 1, waiting]
    assert begun.wait(5)
    bridge.cancel(waiting)
    bridge.cancel(number)
    qtbot.waitUntil(lambda: not bridge.busy)
    assert ends == ["cancelled", "cancelled", "x.onnx: not an ONNX file."]


def test_a_fault_of_the_program_is_told_in_a_sentence_and_logged_with_its_trace(
    bridge: EngineBridge, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    with qtbot.waitSignal(bridge.failed) as failed:
        bridge.submit("work", lambda ctx: 1 / 0)
    error = failed.args[1]
    assert isinstance(error, CanonError)
    assert "internal error" in error.sentence()
    assert "Traceback" not in error.sentence()
    assert "ZeroDivisionError" in caplog.text


def test_errands_tell_their_result_or_their_fault(bridge: EngineBridge, qtbot: QtBot) -> None:
    told: list[object] = []
    bridge.run_errand(lambda: "saved", told.append)
    bridge.run_errand(lambda: Path("/nowhere/at/all").read_bytes(), None, lambda error: told.append(error.problem))
    with qtbot.waitSignal(bridge.faulted) as faulted:
        bridge.run_errand(lambda: Path("/nowhere/at/all").read_bytes())
    assert told == ["saved", "no such file or directory"]
    assert "/nowhere/at/all" in faulted.args[0].sentence()


def test_the_timer_rests_when_nothing_is_under_way(bridge: EngineBridge, qtbot: QtBot) -> None:
    assert not bridge._timer.isActive()
    with qtbot.waitSignal(bridge.idle):
        bridge.submit("work", lambda ctx: None)
        assert bridge._timer.isActive()
    assert not bridge._timer.isActive()


def test_closing_ends_a_running_job_at_once(qtbot: QtBot) -> None:
    bridge = EngineBridge()

    def endless(ctx: JobContext) -> None:
        while True:
            ctx.check()
            time.sleep(0.005)

    bridge.submit("endless", endless)
    start = time.monotonic()
    assert bridge.close()
    assert time.monotonic() - start < 2
    bridge.deleteLater()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness belongs to the whole process elsewhere")
def test_work_gives_way_to_the_window(bridge: EngineBridge, qtbot: QtBot) -> None:
    niceness: list[int] = []
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with qtbot.waitSignal(bridge.finished):
        bridge.submit(
            "work",
            lambda ctx: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()),
            on_result=niceness.append,
        )
    assert niceness == [max(5, ours)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours


@pytest.mark.parametrize("renamed", [True, False])
def test_a_question_about_a_name_that_changed_meanwhile_is_no_fault(
    renamed: bool, bridge: EngineBridge, qtbot: QtBot
) -> None:
    faults: list[CanonError] = []
    let_go = threading.Event()

    def ask(ctx: JobContext) -> None:
        while not let_go.wait(0.01):
            ctx.check()
        raise UnknownName("no model 'old'")

    bridge.ask("cell", ask, on_failure=faults.append)
    bridge.ask("waiting", ask, on_failure=faults.append)
    if renamed:
        bridge.ask_again()
    bridge.ask("later", ask, on_failure=faults.append)
    let_go.set()
    qtbot.waitUntil(lambda: not bridge.busy, timeout=5000)
    assert len(faults) == (1 if renamed else 3)
