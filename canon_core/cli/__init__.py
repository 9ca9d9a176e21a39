"""The command line: everything the window can do, headless (house plan, The command line)."""

from canon_core.cli.commands import main

__all__ = ["main"]
