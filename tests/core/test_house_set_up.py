"""Set-up finds a Python that works, repairs what is broken, says what it installs, and is idle when all is there."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="sh and make")


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    specification = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# --- finding a Python --------------------------------------------------------------------------------------------


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def fake_python(path: Path, probed: int, name: str) -> None:
    """A Python that answers the script's probe with an exit status, tells its name, and runs everything else."""
    executable(path, f'case "$2" in *ensurepip*) exit {probed};; esac; echo {name}; exec "{sys.executable}" "$@"')


def found_python(path: list[Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "packaging" / "with-python.sh"), "-c", "import sys; print('ran', sys.argv[1:])", "a b"],
        env={"PATH": ":".join(map(str, [*path, "/usr/bin-without-python"])), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the one command the script needs besides Pythons."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    return folder


def test_a_placeholder_that_does_not_run_and_a_python_too_old_are_passed_over(tmp_path: Path, tools: Path):
    executable(tmp_path / "shims" / "python3", "echo 'python3: command not found' >&2; exit 127")
    fake_python(tmp_path / "old" / "python3", 4, "too old")
    fake_python(tmp_path / "good one" / "python3.12", 0, "good")
    answer = found_python([tools, tmp_path / "shims", tmp_path / "old", tmp_path / "good one"])
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["good", "ran ['a b']"]


def test_a_python_that_can_make_environments_goes_before_one_that_cannot(tmp_path: Path, tools: Path):
    fake_python(tmp_path / "bare" / "python3", 3, "bare")
    fake_python(tmp_path / "whole" / "python3.11", 0, "whole")
    assert found_python([tools, tmp_path / "bare", tmp_path / "whole"]).stdout.splitlines()[0] == "whole"
    assert found_python([tools, tmp_path / "bare"]).stdout.splitlines()[0] == "bare"


def test_a_python_that_is_named_goes_before_all_others(tmp_path: Path, tools: Path):
    fake_python(tmp_path / "path" / "python3", 0, "on the path")
    fake_python(tmp_path / "elsewhere" / "python", 0, "named")
    answer = found_python([tools, tmp_path / "path"], PYTHON=str(tmp_path / "elsewhere" / "python"))
    assert answer.stdout.splitlines()[0] == "named"


def test_without_any_usable_python_the_line_that_installs_one_is_printed(tools: Path):
    answer = found_python([tools])
    assert answer.returncode == 1
    assert "3.11" in answer.stderr
    assert "sudo apt-get install python3 python3-venv" in answer.stderr


# --- the environment ---------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up script at work on a small checkout, with pip replaced by a list of what it was asked for."""
    set_up = load("set_up", monkeypatch)
    root = tmp_path / "a checkout"
    (root / "packaging").mkdir(parents=True)
    (root / "packaging" / "requirements.txt").write_text("numpy==2.0 --hash=sha256:00\n")
    (root / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(set_up, "ROOT", root)
    monkeypatch.setattr(set_up, "ENVIRONMENT", root / ".venv")
    monkeypatch.setattr(set_up, "REQUIREMENTS", root / "packaging" / "requirements.txt")
    monkeypatch.setattr(set_up, "STAMP", root / ".venv" / "set-up.json")
    asked: list[str] = []

    def install_project() -> None:
        asked.append("project")
        set_up._canon().touch()

    monkeypatch.setattr(set_up, "_install_requirements", lambda: asked.append("requirements"))
    monkeypatch.setattr(set_up, "_install_project", install_project)
    monkeypatch.setattr(set_up, "_window_loads", lambda: True)
    monkeypatch.setattr(set_up, "_provide_system", lambda venv_missing: True)
    monkeypatch.setattr(set_up, "_can_make_environments", lambda: False)  # --without-pip: a tenth of a second
    monkeypatch.setattr(set_up, "_system_pip", lambda: True)
    set_up.asked = asked
    return set_up


def test_the_first_run_makes_everything_and_the_second_nothing(checkout: ModuleType):
    assert checkout.main() == 0
    assert checkout.asked == ["requirements", "project"]
    assert checkout.main() == 0
    assert checkout.asked == ["requirements", "project"]


def test_only_what_changed_is_installed_again(checkout: ModuleType):
    checkout.main()
    checkout.asked.clear()
    (checkout.ROOT / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    checkout.main()
    assert checkout.asked == ["project"]
    checkout.REQUIREMENTS.write_text("numpy==2.1 --hash=sha256:00\n")
    checkout.main()
    assert checkout.asked == ["project", "requirements", "project"]


def test_an_environment_made_by_hand_is_kept_and_completed(checkout: ModuleType):
    venv.create(checkout.ENVIRONMENT)
    own = checkout.ENVIRONMENT / "mine.txt"
    own.touch()
    assert checkout.main() == 0
    assert own.exists()
    assert checkout.asked == ["requirements", "project"]


@pytest.mark.parametrize("damage", ["python is gone", "a file", "an empty folder", "a dangling link", "left half made"])
def test_a_broken_environment_is_made_anew(checkout: ModuleType, damage: str, capfd: pytest.CaptureFixture[str]):
    environment: Path = checkout.ENVIRONMENT
    if damage == "a file":
        environment.touch()
    elif damage == "an empty folder":
        environment.mkdir()
    elif damage == "a dangling link":
        environment.symlink_to(checkout.ROOT / "gone")
    else:
        checkout.main()
        if damage == "python is gone":
            (environment / "bin" / "python").unlink()
            (environment / "bin" / "python").symlink_to("/nowhere/python3")
        else:
            checkout.STAMP.write_text(json.dumps({"state": "installing"}))
    checkout.asked.clear()
    assert checkout.main() == 0
    assert "made anew" in capfd.readouterr().out
    assert checkout.asked == ["requirements", "project"]
    assert subprocess.run([checkout._python(), "-c", ""], check=False).returncode == 0


def test_an_environment_that_moved_with_its_checkout_is_made_anew(
    checkout: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    """Its scripts and its link to the project still name the old place."""
    checkout.main()
    moved = checkout.ROOT.rename(checkout.ROOT.parent / "moved")
    for name in ("ROOT", "ENVIRONMENT", "REQUIREMENTS", "STAMP"):
        old: Path = getattr(checkout, name)
        monkeypatch.setattr(checkout, name, moved / old.relative_to(moved.parent / "a checkout"))
    checkout.asked.clear()
    assert checkout.main() == 0
    assert checkout.asked == ["requirements", "project"]


# --- the system --------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[ModuleType, Path]:
    """The set-up script on a system that lacks two libraries and a font, with an apt-get that writes down its calls."""
    set_up = load("set_up", monkeypatch)
    lacking = iter([["libEGL.so.1", "libxcb-cursor.so.0"], []])
    monkeypatch.setattr(set_up.window_needs, "missing_libraries", lambda: next(lacking))
    fonts = iter([True, False])
    monkeypatch.setattr(set_up.window_needs, "font_missing", lambda: next(fonts))
    calls = tmp_path / "calls"
    executable(tmp_path / "bin" / "apt-get", f'echo "$@" >> "{calls}"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return set_up, calls


LINE = "apt-get install --yes --no-install-recommends"
NAMES = "fonts-dejavu-core libegl1 libxcb-cursor0"


def test_root_gets_what_is_missing_installed_and_is_told_before(
    bare_system: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    set_up, calls = bare_system
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    executable(Path(os.environ["PATH"].partition(":")[0]) / "apt-get", f'echo "apt runs: $@"; echo "$@" >> "{calls}"')
    monkeypatch.setattr(set_up.system_packages.subprocess, "DEVNULL", None)  # let apt-get be heard
    assert set_up._provide_system(venv_missing=False)
    said = capfd.readouterr().out
    assert f"{LINE} {NAMES}" in said
    assert said.index(LINE) < said.index("apt runs")
    assert calls.read_text().splitlines()[-1].endswith(NAMES)


def test_anyone_else_is_shown_the_line_and_set_up_goes_on(
    bare_system: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    set_up, calls = bare_system
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not set_up._provide_system(venv_missing=True)
    assert f"sudo {LINE} python{sys.version_info[0]}.{sys.version_info[1]}-venv {NAMES}" in capfd.readouterr().out
    assert not calls.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="Qt's wheels need the system's libraries on Linux only")
def test_the_table_of_libraries_covers_what_qt_asks_the_system_for(monkeypatch: pytest.MonkeyPatch):
    """Whatever Qt's core, widgets and X11 plugin need is bundled, part of the C runtime, or in the table."""
    pyside = importlib.util.find_spec("PySide6")
    assert pyside is not None
    assert pyside.origin is not None
    qt = Path(pyside.origin).parent / "Qt"
    names = ["Core", "Gui", "Widgets", "Svg", "SvgWidgets", "OpenGL", "OpenGLWidgets", "DBus", "XcbQpa", "Test"]
    files = [qt / "lib" / f"libQt6{name}.so.6" for name in names]
    files += [qt / "plugins" / "platforms" / f"libq{name}.so" for name in ("xcb", "offscreen")]
    needed: set[str] = set()
    for file in files:
        needed |= needed_libraries(file)
    runtime = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"}
    runtime |= {"libstdc++.so.6", "libz.so.1", "libzstd.so.1"}
    bundled = {path.name for path in (qt / "lib").iterdir()}
    rest = {name for name in needed - runtime - bundled if not name.startswith("ld-linux")}
    assert "libEGL.so.1" in rest
    assert rest <= set(load("window_needs", monkeypatch).LIBRARIES)


def needed_libraries(path: Path) -> set[str]:
    """DT_NEEDED entries of a 64-bit little-endian ELF file (System V ABI, dynamic section)."""
    import struct

    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", path
    headers_at, = struct.unpack_from("<Q", data, 40)  # fmt: skip
    size, count = struct.unpack_from("<HH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, headers_at + number * size) for number in range(count)]
    found: set[str] = set()
    for _, kind, _, _, offset, length, link, *_ in headers:
        if kind == 6:  # SHT_DYNAMIC, its names in the section `link`
            names_at = headers[link][4]
            for at in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("<QQ", data, at)
                if tag == 1:  # DT_NEEDED
                    found.add(data[names_at + value : data.index(b"\0", names_at + value)].decode())
    return found
