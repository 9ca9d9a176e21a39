"""What may stand in the repository: a fixed top level, no addresses, nothing that only one machine has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "app", "canon_core", "resources", "tests", "packaging", "pyproject.toml",
    "README.md", "LICENSE", "Makefile", "docs", ".ci", ".gitignore",
}  # fmt: skip
# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package index": re.compile("index" + r"[-_]url|pypi\." + r"org|python" + r"hosted\.|deb\.debian" + r"\.org"),
    "a path of one machine": re.compile(r"(?<![\w.-])/(?:" + "work|home|Users" + r")/\w|(?<![\w.-])/root" + r"/\."),
}


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # The owner of a checkout in a container is often another user; git asks for this then.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_what_the_house_plan_lists(tracked: list[str]):
    assert {name.partition("/")[0] for name in tracked} - TOP_LEVEL == set()


def test_no_tracked_file_names_an_address_of_packages_or_a_path_of_one_machine(tracked: list[str]):
    found = []
    for name in tracked:
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or other binary file
        for what, pattern in FORBIDDEN.items():
            found += [f"{name}: {what}: {match[0]!r}" for match in pattern.finditer(text)]
    assert found == []


def test_no_large_file_is_tracked(tracked: list[str]):
    assert {name: (ROOT / name).stat().st_size for name in tracked if (ROOT / name).stat().st_size > 2_000_000} == {}


def test_the_packaging_folder_does_not_hide_the_library_of_that_name():
    """A checkout stands on the import path; an ``__init__.py`` there would replace the ``packaging`` library."""
    import packaging

    assert not (ROOT / "packaging" / "__init__.py").exists()
    assert packaging.__file__ is not None
