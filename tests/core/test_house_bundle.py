"""What a bundle holds, what it says it needs, and how it shows on a desktop; none of it is built here."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from canon_core.projection.worker_process import worker_command
from canon_core.resources import version

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = "org.canon_explorer.CanonExplorer"
ENTRY = ROOT / "packaging" / "desktop" / f"{IDENTITY}.desktop"
METAINFO = ROOT / "packaging" / "desktop" / f"{IDENTITY}.metainfo.xml"
ICON = ROOT / "resources" / "icon" / "canon-explorer.svg"
SITE = "/v/lib/python3.11/site-packages"

OBJDUMP = """
libsample.so:     file format elf64-x86-64

Dynamic Section:
  NEEDED               libEGL.so.1
  NEEDED               libstdc++.so.6
  NEEDED               libc.so.6
  SONAME               libsample.so

Version definitions:
1 0x01 0x0ba0f0e4 libsample.so

Version References:
  required from libc.so.6:
    0x06969196 0x00 31 GLIBC_2.16
    0x069691b4 0x00 16 GLIBC_2.34
    0x09691a75 0x00 09 GLIBC_2.2.5
  required from libstdc++.so.6:
    0x0297f879 0x00 26 GLIBCXX_3.4.29
    0x08922974 0x00 12 GLIBCXX_3.4
    0x0bafd179 0x00 05 CXXABI_1.3.9
"""


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch):
    """``packaging("deb")`` imports one of the scripts, which are no package."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


# --- contents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "source"),
    [
        ("onnxruntime/capi/libonnxruntime_providers_shared.so", f"{SITE}/onnxruntime/capi/x.so"),
        ("onnxruntime/capi/libonnxruntime.so.1.31.1", f"{SITE}/onnxruntime/capi/libonnxruntime.so.1.31.1"),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", f"{SITE}/PySide6/Qt/plugins/platforms/libqxcb.so"),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", f"{SITE}/PySide6/Qt/plugins/platforms/libqoffscreen.so"),
        ("PySide6/Qt/plugins/imageformats/libqjpeg.so", f"{SITE}/PySide6/Qt/plugins/imageformats/libqjpeg.so"),
        ("PySide6\\plugins\\platforms\\qwindows.dll", r"C:\v\PySide6\plugins\platforms\qwindows.dll"),
        ("libpython3.11.so.1.0", "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0"),
        ("python3.11/lib-dynload/_ctypes.so", "/usr/lib/python3.11/lib-dynload/_ctypes.so"),
        ("numpy.libs/libgfortran-83c2.so.5", f"{SITE}/numpy.libs/libgfortran-83c2.so.5"),
        ("resources/presets/pfe.toml", "/checkout/resources/presets/pfe.toml"),
    ],
)
def test_what_the_program_loads_is_inside(packaging, destination: str, source: str) -> None:
    assert packaging("bundle_contents").wanted(destination, source)


@pytest.mark.parametrize(
    ("destination", "source"),
    [
        ("libssl.so.3", "/lib/x86_64-linux-gnu/libssl.so.3"),
        ("libX11.so.6", "/usr/lib/x86_64-linux-gnu/libX11.so.6"),
        ("libcudart.so.13", f"{SITE}/nvidia/cu13/lib/libcudart.so.13"),
        ("PySide6/Qt/plugins/platforms/libqlinuxfb.so", f"{SITE}/PySide6/Qt/plugins/platforms/libqlinuxfb.so"),
        ("PySide6/Qt/plugins/tls/libqopensslbackend.so", f"{SITE}/PySide6/Qt/plugins/tls/libqopensslbackend.so"),
        ("PySide6/Qt/lib/libQt6Network.so.6", f"{SITE}/PySide6/Qt/lib/libQt6Network.so.6"),
        ("PySide6/Qt/translations/qtbase_de.qm", f"{SITE}/PySide6/Qt/translations/qtbase_de.qm"),
        ("sklearn/datasets/data/iris.csv", f"{SITE}/sklearn/datasets/data/iris.csv"),
        ("canon_explorer-0.1.0.dist-info/direct_url.json", f"{SITE}/canon_explorer-0.1.0.dist-info/direct_url.json"),
    ],
)
def test_what_it_never_loads_or_the_system_has_stays_out(packaging, destination: str, source: str) -> None:
    assert not packaging("bundle_contents").wanted(destination, source)


def test_gpu_providers_are_inside_on_request_only(packaging) -> None:
    contents = packaging("bundle_contents")
    for name in ("cuda", "tensorrt"):
        file = f"onnxruntime/capi/libonnxruntime_providers_{name}.so"
        assert not contents.wanted(file, f"{SITE}/{file}")
        assert contents.wanted(file, f"{SITE}/{file}", gpu=True)


def test_links_to_what_stays_out_stay_out(packaging) -> None:
    entries = [
        ("a/libkept.so", "/x/libkept.so", "BINARY"),
        ("libkept.so", "a/libkept.so", "SYMLINK"),
        ("libgone.so", "a/libgone.so", "SYMLINK"),
        ("b/libkept.so", "../a/libkept.so", "SYMLINK"),
    ]
    kept = packaging("bundle_contents").without_dangling(entries)
    assert [entry[0] for entry in kept] == ["a/libkept.so", "libkept.so", "b/libkept.so"]


def test_nothing_the_program_imports_is_excluded(packaging) -> None:
    """Every module named in an import of ours, but for the training extra's."""
    excluded = set(packaging("bundle_contents").EXCLUDED_MODULES)
    named = set()
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "canon_core").rglob("*.py")]:
        if "training" not in path.parts:
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r"^\s*(?:from|import) ([\w.]+)", text, flags=re.MULTILINE))
    parents = {".".join(name.split(".")[:k]) for name in named for k in range(1, name.count(".") + 2)}
    assert excluded & parents == set()


def test_the_programs_own_modules_are_inside_without_the_training_of_networks(packaging, tmp_path: Path) -> None:
    training = "canon_core/demo/training"
    for name in ("app/main.py", "app/views/pair_view.py", "canon_core/demo/people.py", f"{training}/fit.py", "x/y.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    found = [str(file.relative_to(tmp_path)) for file in packaging("bundle_contents").own_modules(tmp_path)]
    assert found == ["app/main.py", "app/views/pair_view.py", "canon_core/demo/people.py"]


# --- what is written about it --------------------------------------------------------------------------------------


def test_no_document_has_a_place_that_was_to_be_filled_in() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert len(documents) > 4
    assert [file.name for file in documents if "@@" in file.read_text(encoding="utf-8")] == []


def test_the_hidden_switch_of_the_guide_is_the_one_there_is(packaging) -> None:
    guide = (ROOT / "docs" / "packaging.md").read_text(encoding="utf-8")
    assert re.findall(r"`canon (--[\w-]+)", guide) == [packaging("frozen_entry").WORKER_SWITCH]


def test_every_switch_that_the_guide_names_exists() -> None:
    guide = (ROOT / "docs" / "packaging.md").read_text(encoding="utf-8")
    scripts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "packaging").glob("*.py"))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", guide))
    assert {"--gpu", "--projection-worker"} <= named
    assert {switch for switch in named if f'"{switch}"' not in scripts} == set()


# --- the entry -----------------------------------------------------------------------------------------------------


def test_the_program_runs_the_command_line(tmp_path: Path) -> None:
    said = entry(tmp_path, "--version")
    assert said.stdout == f"canon {version()}\n"


def test_the_hidden_switch_is_the_one_the_engine_starts_its_worker_with(
    packaging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert worker_command() == [sys.executable, packaging("frozen_entry").WORKER_SWITCH]


def test_the_hidden_switch_runs_the_worker_until_nobody_talks_to_it(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, str(ROOT / "packaging" / "frozen_entry.py"), "--projection-worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert worker.stdout is not None
    assert '"event": "progress"' in worker.stdout.readline()
    _, errors = worker.communicate(timeout=120)  # closes its standard input
    assert (worker.returncode, errors) == (0, "")


@pytest.mark.parametrize("users", ["/of/the/user", None])
def test_programs_that_the_window_starts_get_the_users_libraries(
    packaging, monkeypatch: pytest.MonkeyPatch, users: str | None
) -> None:
    """PyInstaller's start program puts the bundle's folder in front, and keeps what was there under another name."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle/_internal")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", users or "")
    if users is None:
        monkeypatch.delenv("LD_LIBRARY_PATH_ORIG")
    packaging("frozen_entry")._leave_no_trace_to_children()
    assert os.environ.get("LD_LIBRARY_PATH") == users
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def entry(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "frozen_entry.py"), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env={"HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


# --- what it needs of the system ------------------------------


def test_needs_are_read_with_their_newest_versions(packaging) -> None:
    needs = packaging("elf_needs").needs_of(OBJDUMP)
    assert needs.libraries == {"libEGL.so.1", "libstdc++.so.6", "libc.so.6"}
    assert needs.newest("GLIBC") == (2, 34)
    assert needs.newest("GLIBCXX") == (3, 4, 29)
    assert needs.newest("OPENSSL") == ()


def test_needs_become_debian_dependencies(packaging) -> None:
    elf_needs = packaging("elf_needs")
    assert elf_needs.dependencies(elf_needs.needs_of(OBJDUMP)) == ["libc6 (>= 2.34)", "libegl1", "libstdc++6 (>= 11)"]


def test_a_library_of_no_known_package_stops_the_build(packaging) -> None:
    elf_needs = packaging("elf_needs")
    needs = elf_needs.Needs(frozenset({"libnobody.so.1"}), {})
    with pytest.raises(elf_needs.UnknownLibrary, match=r"libnobody\.so\.1"):
        elf_needs.dependencies(needs)


@pytest.mark.skipif(not shutil.which("objdump"), reason="binutils")
@pytest.mark.skipif(sys.platform != "linux", reason="ELF files")
def test_needs_of_a_folder_are_those_from_outside_it(packaging, tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copy2(Path(sys.executable).resolve(), program)
    elf_needs = packaging("elf_needs")
    needs = elf_needs.needs_of_folder(tmp_path)
    assert "libc.so.6" in needs.libraries
    assert needs.newest("GLIBC") >= (2, 2)
    (tmp_path / "libc.so.6").write_bytes(b"")
    assert "libc.so.6" not in elf_needs.needs_of_folder(tmp_path).libraries


# --- on the desktop ------------------------------


def test_the_icon_is_what_its_script_draws(packaging) -> None:
    assert ICON.read_text(encoding="utf-8") == packaging("draw_icon").drawing()


def test_window_and_desktop_agree_on_the_programs_name(packaging) -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read(ENTRY, encoding="utf-8")
    fields = entry["Desktop Entry"]
    component = ET.parse(METAINFO).getroot()
    assert packaging("deb").IDENTITY == fields["Icon"] == component.findtext("id") == IDENTITY
    assert component.findtext("launchable") == ENTRY.name
    assert fields["Exec"].split()[0] == component.findtext("provides/binary") == "canon"
    assert f'setDesktopFileName("{IDENTITY}")' in (ROOT / "app" / "main.py").read_text(encoding="utf-8")


def test_the_newest_release_on_the_desktop_is_this_version() -> None:
    release = ET.parse(METAINFO).getroot().find("releases/release")
    assert release is not None
    assert release.get("version") == version()


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="desktop-file-utils")
def test_the_menus_entry_is_valid() -> None:
    said = subprocess.run(["desktop-file-validate", ENTRY], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.skipif(not shutil.which("appstreamcli"), reason="appstream")
def test_the_metainfo_is_valid() -> None:
    command = ["appstreamcli", "validate", "--no-net", METAINFO]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


# --- the package ------------------------------


def test_the_package_lies_where_debian_looks(packaging, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "canon").write_text("program")
    pictures = [tmp_path / "48x48.png"]
    pictures[0].write_bytes(b"png")
    packaging("deb").lay_out(bundle, tmp_path / "root", pictures)
    laid = {str(path.relative_to(tmp_path / "root")) for path in (tmp_path / "root").rglob("*") if not path.is_dir()}
    assert laid == {
        "opt/canon-explorer/canon",
        "usr/bin/canon",
        f"usr/share/applications/{IDENTITY}.desktop",
        f"usr/share/icons/hicolor/48x48/apps/{IDENTITY}.png",
        f"usr/share/icons/hicolor/scalable/apps/{IDENTITY}.svg",
        f"usr/share/metainfo/{IDENTITY}.metainfo.xml",
        "usr/share/doc/canon-explorer/copyright",
    }
    assert (tmp_path / "root/usr/bin/canon").readlink() == Path("/opt/canon-explorer/canon")


def test_the_control_file_is_one_that_dpkg_reads(packaging) -> None:
    control = packaging("deb").Control("1.2", "amd64", 3, ("libc6 (>= 2.34)", "libegl1"), ("libgtk-3-0",))
    fields = dict(re.findall(r"^([\w-]+): (.*)$", control.text(), flags=re.MULTILINE))
    assert fields["Package"] == "canon-explorer"
    assert fields["Depends"] == "libc6 (>= 2.34), libegl1"
    description = control.text().split("Description:")[1].splitlines()[1:]
    assert all(line.startswith(" ") for line in description)
