"""The README and the guide speak of commands, options and files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "guide.md"]


def shown_commands() -> list[str]:
    """Lines of indented code that begin with ``canon``, comments cut off."""
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    return [line.strip() for line in lines if line.startswith("    canon ")]


@pytest.mark.parametrize("line", shown_commands())
def test_a_command_line_that_is_shown_is_one_that_the_program_takes(line: str):
    """Parsed by the program's own commands, not run."""
    import typer.main

    from canon_core.cli.application import app, load_commands

    load_commands()
    name, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):  # a group, such as `canon map`
        name, *arguments = arguments
        command = command.commands[name]
    context = command.make_context(name, arguments, resilient_parsing=False)
    context.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_to_a_file(page: Path):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_make_targets_that_the_readme_names_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z]+)", PAGES[0].read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"demo", "test", "setup"} <= named
    assert named <= targets
