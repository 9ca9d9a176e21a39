"""How set-up speaks: one line for each step, and one exception for what it cannot get past."""

from __future__ import annotations


class SetUpFailed(Exception):
    """Set-up cannot go on; the message says what to do."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(f"set-up: {text}", flush=True)
