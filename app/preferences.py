"""What the user prefers, whatever study is open: kept in a file of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from .engine_bridge import EngineBridge
from .user_files import read_preferences, write_preferences

#: Where networks run, as ``canon embed --provider`` names it, and what a user reads.
PROVIDER_NAMES: Final = {
    "auto": "The fastest there is",
    "cuda": "NVIDIA GPU (CUDA)",
    "tensorrt": "NVIDIA GPU (TensorRT)",
    "cpu": "Processor (CPU)",
}
#: More threads than any desktop has cores.
MOST_THREADS = 256


@dataclass(frozen=True)
class Preferences:
    """Attributes
    ----------
    automatic : bool
        Whether missing cells are scored by themselves.
    provider : str
        Where networks run; a key of :data:`PROVIDER_NAMES`.
    threads : int
        Threads that decode and, on the CPU, compute; 0 for every usable core.
    restore : bool
        Whether the study that was open when the window was closed is opened at the next start.
    notify, stay_awake : bool
        Whether the end of long work is told outside the window, and whether the computer may not fall asleep
        meanwhile.
    demo_folder : str
        Where the demo study is made; empty for the usual place.
    shortcuts : mapping of str to str
        Shortcuts that the user changed, by action.
    """

    automatic: bool = True
    provider: str = "auto"
    threads: int = 0
    restore: bool = True
    notify: bool = True
    stay_awake: bool = True
    demo_folder: str = ""
    shortcuts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, Any]:
        """As it stands in the user's file."""
        return {**vars(self), "shortcuts": dict(self.shortcuts)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Preferences:
        """Read it back; what is not understood falls back to the default, key by key."""
        default = cls()
        provider, threads, folder = saved.get("provider"), saved.get("threads"), saved.get("demo_folder")
        shortcuts = saved.get("shortcuts")
        if not isinstance(shortcuts, Mapping):
            shortcuts = {}
        return cls(
            **{
                name: saved[name] if isinstance(saved.get(name), bool) else getattr(default, name)
                for name in ("automatic", "restore", "notify", "stay_awake")
            },
            provider=provider if isinstance(provider, str) and provider in PROVIDER_NAMES else default.provider,
            threads=threads if type(threads) is int and 0 <= threads <= MOST_THREADS else default.threads,
            demo_folder=folder if isinstance(folder, str) and _is_folder_name(folder) else default.demo_folder,
            shortcuts={
                key: text for key, text in shortcuts.items() if isinstance(key, str) and isinstance(text, str)
            },
        )


def _is_folder_name(text: str) -> bool:
    """Whether a text can be a folder's: a home of nobody, or what no file system takes, cannot."""
    try:
        Path(text).expanduser()
    except (RuntimeError, ValueError):
        return False
    return text.isprintable()


class UserPreferences(QObject):
    """The preferences as they are now; a change is used at once and written soon.

    Signals
    -------
    changed(preferences) : Preferences
    """

    changed = Signal(object)

    def __init__(self, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.current = Preferences.from_json(read_preferences())

    def change(self, **fields: Any) -> None:
        """Prefer something else from now on."""
        after = replace(self.current, **fields)
        if after == self.current:
            return
        self.current = after
        self._bridge.run_errand(lambda: write_preferences(after.to_json()))
        self.changed.emit(after)
