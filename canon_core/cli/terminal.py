"""Running a job under a terminal: progress on standard error, Ctrl-C cancels, results on standard output."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from canon_core.cli import CANCELLED
from canon_core.errors import CanonError
from canon_core.jobs import Cancellation, Engine, Event, Failed, Finished, JobContext, Log
from canon_core.jobs import Progress as JobProgress
from canon_core.store.output import write_output

T = TypeVar("T")


def printable(text: str) -> str:
    """Text with every letter that a terminal would obey instead of showing it (escape sequences, line ends, marks that
    turn the direction of writing) as Python escapes it, and every kind of space as a space. Names of images come from
    files that nobody vouches for."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _shown(letter) for letter in text)


def _shown(letter: str) -> str:
    return " " if unicodedata.category(letter) == "Zs" else letter.encode("unicode_escape").decode()


class PlainConsole(Console):
    """A console that shows letters and obeys none: in lines, and in every cell of a table."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


# Names and paths are the user's: square brackets and colons in them are letters, not rich's markup and emoji.
out = PlainConsole(
    highlight=False, markup=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240
)
err = PlainConsole(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

#: Seconds between lines of progress where standard error is a file.
_LOGGED_EVERY = 30.0
#: Exit code where the input or the environment is at fault.
FAULT = 1


def say(text: str) -> None:
    """One line for the user, on standard error."""
    err.print(printable(text))


def fail(error: CanonError) -> typer.Exit:
    """Print the error's sentence in one line and give the exit to raise."""
    err.print(Text.assemble(("error: ", "bold red"), printable(error.sentence())))
    return typer.Exit(FAULT)


def run_job(title: str, function: Callable[[JobContext], T]) -> T:
    """Run a job on an engine while this thread shows its progress.

    Ctrl-C cancels the job: what it wrote is kept, and the process ends with 130.
    """
    engine = Engine()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}", markup=False),
    )
    try:
        with (
            _interrupts() as interrupts,
            Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars,
        ):
            number = engine.submit(title, function)
            task: TaskID | None = None
            said = time.monotonic()
            while True:
                try:
                    event: Event | None = engine.events.get(timeout=0.2)
                except queue.Empty:
                    event = None
                if interrupts:
                    interrupts.clear()
                    engine.cancel(number)
                if isinstance(event, JobProgress):
                    what = printable(event.what)
                    if task is None:
                        task = bars.add_task(what, total=event.total, pace="")
                    bars.update(task, description=what, completed=event.done, total=event.total, pace=_pace(event))
                    if not err.is_terminal and time.monotonic() - said > _LOGGED_EVERY:  # a log shows no bars
                        said = time.monotonic()
                        say(f"{what}: {event.done:,} of {event.total:,}, {_pace(event)}".rstrip(", "))
                elif isinstance(event, Log):
                    prefix = "warning: " if event.level >= logging.WARNING else ""
                    say(prefix + event.text)
                elif isinstance(event, Failed):
                    if event.details and os.environ.get("CANON_DEBUG"):
                        for line in event.details.splitlines():
                            say(line)
                    raise fail(event.error)
                elif isinstance(event, Cancellation):
                    say("cancelled; what was finished is kept, and the same command goes on from there")
                    raise typer.Exit(CANCELLED)
                elif isinstance(event, Finished):
                    result: T = event.result  # type: ignore[assignment]
                    return result
    finally:
        engine.close()


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C in a list instead of having it raised between any two steps of whoever shows the progress."""
    seen: list[int] = []
    mine = signal.getsignal(signal.SIGINT) is signal.default_int_handler and current_thread() is main_thread()
    if mine:
        signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        yield seen
    finally:
        if mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _pace(event: JobProgress) -> str:
    if event.rate is None or event.eta is None:
        return ""
    left = f"{'about ' * event.rough}{duration(event.eta)} left"
    return f"{event.rate:,.0f}/s · {left}" if event.rate >= 10 else left


def duration(seconds: float) -> str:
    """Seconds as people say them: ``8 s``, ``2 min 05 s``, ``1 h 20 min``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def write_json(document: dict[str, Any], target: str) -> None:
    """Write JSON to a file, or to standard output for ``-``; never NaN."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    if target == "-":
        sys.stdout.write(text + "\n")
        return
    write_output(Path(target), (text + "\n").encode("utf-8", "replace"))
