"""A built wheel, installed into another folder, is a whole program: it needs nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The checkout stands on the path of every Python of the development environment; a user's has no such thing.
WITHOUT_CHECKOUT = (
    "import os, sys; sys.path[:] = [p for p in sys.path if os.path.realpath(p or '.') != {checkout!r}]; {program}"
)


def run(command: list[str], cwd: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    answer = subprocess.run(
        command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pip", reason="this environment was made without pip", exc_type=ImportError)
    target = tmp_path_factory.mktemp("installed") / "in another folder"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-user"]
    run([*pip, "--disable-pip-version-check", "--target", str(target), str(wheel)], wheel.parent)
    return target


@pytest.fixture
def python(installed: Path, tmp_path: Path):
    """``python(program)``: what a program prints in an empty folder that sees the installed wheel, not the checkout."""

    def answer(program: str) -> str:
        program = WITHOUT_CHECKOUT.format(checkout=str(ROOT), program=program)
        return run([sys.executable, "-c", program], tmp_path, PYTHONPATH=str(installed)).strip()

    return answer


def test_the_wheel_puts_no_common_name_into_site_packages(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"canon_core", "canon_app"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_holds_the_licence_and_every_resource(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    resources = {path.relative_to(ROOT / "resources") for path in (ROOT / "resources").rglob("*") if path.is_file()}
    assert resources
    assert {f"canon_core/_resources/{path.as_posix()}" for path in resources} <= names
    pages = {path.name for path in (ROOT / "docs").iterdir()}
    assert "guide.md" in pages
    assert {f"canon_core/_resources/docs/{name}" for name in pages} <= names


def test_the_installed_program_finds_its_guide(python, installed: Path):
    found = python("from canon_core.resources import documentation; print(documentation())")
    assert Path(found) == installed / "canon_core" / "_resources" / "docs"


def test_the_installed_engine_is_the_wheels_and_finds_its_resources(python, installed: Path):
    located = python("import canon_core; print(canon_core.__file__)")
    assert Path(located).is_relative_to(installed)
    presets = python("from canon_core.resources import resource; print(resource('presets'))")
    assert Path(presets) == installed / "canon_core" / "_resources" / "presets"
    names = python("from canon_core.models.presets import presets; print(*[p.name for p in presets()])").split()
    assert sorted(names) == sorted(path.stem for path in (ROOT / "resources" / "presets").glob("*.toml"))


def test_the_installed_program_finds_its_window_under_the_name_it_has_there(python, installed: Path):
    program = (
        "import importlib.util; from canon_core.resources import window_package; "
        "print(importlib.util.find_spec(window_package()).origin, importlib.util.find_spec('app'))"
    )
    assert python(program) == f"{installed / 'canon_app' / '__init__.py'} None"


def test_canon_runs_from_the_installed_folder(installed: Path, tmp_path: Path):
    """From an empty folder, through the console script, with the checkout off the path."""
    script = installed / "bin" / "canon"
    program = f"import runpy; sys.argv = ['canon', *sys.argv[1:]]; runpy.run_path({str(script)!r}, run_name='__main__')"
    start = [sys.executable, "-c", WITHOUT_CHECKOUT.format(checkout=str(ROOT), program=program)]
    assert run([*start, "--version"], tmp_path, PYTHONPATH=str(installed)).startswith("canon 0.")
    assert "add-model" in run([*start, "--help"], tmp_path, PYTHONPATH=str(installed))
    run([*start, "new", "first"], tmp_path, PYTHONPATH=str(installed))
    assert "first" in run([*start, "info", "first.canon"], tmp_path, PYTHONPATH=str(installed))
    # and as a shell starts it
    assert run([str(script), "--version"], tmp_path, PYTHONPATH=str(installed)).startswith("canon 0.")
