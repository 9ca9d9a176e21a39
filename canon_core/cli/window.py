"""``canon gui``, and ``canon demo``, which opens the window when it is done."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import terminal
from canon_core.cli.application import app
from canon_core.cli.terminal import run_job, say
from canon_core.errors import CanonError
from canon_core.resources import window_package


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR")] = Path("demo"),
    no_gui: Annotated[bool, typer.Option("--no-gui", help="Do not open the window at the end.")] = False,
) -> None:
    """The main job on rendered faces: embed, fit, score, write figures and tables, open the window."""
    from canon_core.demo.run import run_demo

    say_what, result = run_job("demo", lambda ctx: run_demo(out, ctx))
    for line in say_what:
        terminal.out.print(line)
    if no_gui:
        return
    if not _has_display():
        say(f"no display here: open it elsewhere with `canon gui {result}`")
        return
    _open_window([str(result)])


@app.command()
def gui(
    study: Annotated[Path | None, typer.Argument(metavar="[STUDY]")] = None,
) -> None:
    """The desktop program."""
    _open_window([] if study is None else [str(study)])


def _open_window(arguments: list[str]) -> None:
    if not _has_display() and not os.environ.get("QT_QPA_PLATFORM"):
        raise CanonError("no display", remedy="run it on a desktop, or use the other commands: they need none")
    try:
        start = importlib.import_module(f"{window_package()}.main").main
    except ImportError as error:
        raise CanonError(
            f"the window cannot start ({error})", remedy="`canon doctor` names the missing system libraries"
        ) from None
    code = start(arguments)
    if code:
        raise typer.Exit(code)


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
