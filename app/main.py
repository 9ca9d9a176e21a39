"""Start the window: options, appearance, what to open, and a clean end on signals."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSocketNotifier, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from canon_core.resources import resource, version

from .appearance import Appearance, Look
from .contents import Contents
from .crash import log_crashes, take_crash_log, watch
from .main_window import MainWindow
from .message_bar import Tone
from .user_files import log_to_file, read_window, take_cut_off_session


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and return the exit code when it was closed."""
    arguments = _parser().parse_args(sys.argv[1:] if argv is None else list(argv))
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName("canon-explorer")
    application.setApplicationDisplayName("Canon Explorer")
    application.setApplicationVersion(version())
    application.setDesktopFileName("org.canon_explorer.CanonExplorer")  # as packaging/desktop calls it
    application.setWindowIcon(QIcon(str(resource("icon", "canon-explorer.svg"))))
    application.setQuitOnLastWindowClosed(False)  # the window ends its jobs first, and then quits
    stop_log = log_to_file()
    crashed = take_crash_log()
    end_crash_log = log_crashes()
    window = MainWindow(Appearance(application, _look(arguments.theme)))
    end_watch = watch(lambda sentence: window.messages.say(
        sentence, Tone.FAULT, "Show log", window.commands.show_log
    ))
    wakeup = _Signals(window)
    _open(window, arguments.study, crashed)
    window.show()
    QTimer.singleShot(200, window, lambda: window.bridge.run_errand(warm_up))
    QTimer.singleShot(2000, window, window.overlays.warm)
    try:
        return application.exec()
    finally:
        window.bridge.close()
        wakeup.close()
        end_watch()
        stop_log()
        end_crash_log()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="canon gui", description="The desktop program.")
    parser.add_argument("study", nargs="?", type=Path, metavar="STUDY", help="a study folder, NAME.canon")
    parser.add_argument("--theme", choices=[str(look) for look in Look], help="appearance; default: as last time")
    parser.add_argument("--version", action="version", version=f"canon {version()}")
    return parser


def _look(asked: str | None) -> Look:
    remembered = read_window().get("look")
    for name in (asked, remembered):
        if isinstance(name, str) and name in list(Look):
            return Look(name)
    return Look.SYSTEM


def _open(window: MainWindow, study: Path | None, crashed: str = "") -> None:
    """Open what was asked for; else what was open when the program was cut off, or closed. Offer the log of a crash."""
    session = take_cut_off_session()

    def show_log() -> None:
        if crashed:
            window.window_commands.show_crash(crashed)
        else:
            window.commands.show_log()

    log = "Show crash log" if crashed else "Show log"

    def offer(_contents: Contents | None = None) -> None:
        if crashed:
            window.messages.say("Canon Explorer crashed last time. What is known of it can be reported.", Tone.NOTE,
                                log, show_log)  # fmt: skip

    offer()
    if study is not None:
        path = Path(os.path.abspath(study))
        newer = session.view if session is not None and Path(session.study) == path else None
        _when_opened(window, offer)
        window.document.open(path, view=newer)
    elif session is not None:
        path = Path(session.study)

        def tell(contents: Contents) -> None:
            if contents.path == path:
                window.messages.say(
                    "Canon Explorer ended unexpectedly last time; your study is open again as you left it. Jobs that"
                    " were cut off go on from where they were when you compute again.",
                    button=log,
                    then=show_log,
                )
            else:
                offer()

        _when_opened(window, tell)
        window.document.open(path, read_only=session.read_only, view=session.view)
    elif window.preferences.current.restore:
        _open_last(window, offer)


def _when_opened(window: MainWindow, tell: Callable[[Contents], None]) -> None:
    """Say something once the next study is open: what was said before is taken away then."""

    def opened(contents: Contents) -> None:
        window.document.opened.disconnect(opened)
        tell(contents)

    window.document.opened.connect(opened)


def _open_last(window: MainWindow, tell: Callable[[Contents], None]) -> None:
    """Open the study that was open when the window was closed, where it is still there."""
    last = read_window().get("study")
    if not isinstance(last, str) or not last:
        return

    def looked(there: bool) -> None:
        if there and window.document.contents is None and not window.document.changing:
            _when_opened(window, tell)
            window.document.open(Path(last))

    window.bridge.run_errand((Path(last) / "study.json").is_file, looked)


def warm_up() -> None:
    """Import what the first study needs while the user still looks at the start page."""
    import canon_core.experiments.matrix
    import canon_core.models.presets
    import canon_core.study.study  # noqa: F401


class _Signals(QObject):
    """Closes the window in good order on Ctrl-C and SIGTERM; Qt's loop would not let Python see them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._handlers = {
            number: signal.signal(number, lambda *_: window.shut_down()) for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)  # Python runs its handlers when it gets back here

    def _drain(self) -> None:
        self._reading.recv(64)

    def close(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._reading.close()
        self._writing.close()
