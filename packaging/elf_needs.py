"""What a folder of programs and libraries needs of the system: read off its ELF files, and said as Debian packages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import window_needs

#: Shared library -> the package of Debian and Ubuntu that holds it; a library in neither table stops the build.
PACKAGES: Mapping[str, str] = {
    **window_needs.LIBRARIES,
    **dict.fromkeys(
        ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
        "libc6",
    ),
    **dict.fromkeys(("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"), "libc6"),
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libgomp.so.1": "libgomp1",
    "libgomp.so.1.0.0": "libgomp1",
    "libatomic.so.1": "libatomic1",
    "libz.so.1": "zlib1g",
    "libbz2.so.1.0": "libbz2-1.0",
    "liblzma.so.5": "liblzma5",
    "libzstd.so.1": "libzstd1",
    "libffi.so.8": "libffi8",
    "libexpat.so.1": "libexpat1",
    "libuuid.so.1": "libuuid1",
    "libcrypto.so.3": "libssl3",
    "libssl.so.3": "libssl3",
    "libXext.so.6": "libxext6",
    "libdrm.so.2": "libdrm2",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
#: Files that Qt leaves out silently where their libraries are missing: GTK's look is for desktops that have GTK.
OPTIONAL_FILES = ("libqgtk3.so",)
#: Libraries of the optional files, for the package's *Recommends*.
OPTIONAL_PACKAGES = ("libgtk-3-0",)

#: Newest of libstdc++'s symbol versions -> the GCC that brought it.
_GLIBCXX = {19: "4.8", 20: "4.9", 21: "5", 22: "6", 23: "7", 24: "7", 25: "8", 26: "9", 27: "9", 28: "9", 29: "11",
            30: "12", 31: "13", 32: "13", 33: "14", 34: "15"}  # fmt: skip
_NEEDED = re.compile(r"^\s+NEEDED\s+(\S+)$", re.MULTILINE)
_REQUIRED = re.compile(r"^\s+required from (\S+):\n((?:\s+0x.*\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Needs:
    """What one or several ELF files need.

    Attributes
    ----------
    libraries : frozenset of str
        Names of shared libraries.
    versions : mapping
        Versions of their symbols, by library: ``{"libc.so.6": {"GLIBC_2.34", …}}``.
    """

    libraries: frozenset[str]
    versions: Mapping[str, frozenset[str]]

    def newest(self, family: str) -> tuple[int, ...]:
        """The newest of a family of symbol versions, e.g. (2, 34) of ``GLIBC``; empty where none is asked for."""
        found = [
            tuple(map(int, version.removeprefix(f"{family}_").split(".")))
            for versions in self.versions.values()
            for version in versions
            if re.fullmatch(rf"{family}_[\d.]+", version)
        ]
        return max(found, default=())


class UnknownLibrary(Exception):
    """A library is needed that no table says the package of."""


def needs_of(objdump: str) -> Needs:
    """The needs of one file, from what ``objdump -p`` prints about it."""
    versions = {
        library: frozenset(line.split()[-1] for line in lines.splitlines() if line.strip())
        for library, lines in _REQUIRED.findall(objdump)
    }
    return Needs(frozenset(_NEEDED.findall(objdump)), versions)


def together(all_needs: Iterable[Needs]) -> Needs:
    """The needs of several files."""
    libraries: set[str] = set()
    versions: dict[str, frozenset[str]] = {}
    for needs in all_needs:
        libraries |= needs.libraries
        for library, found in needs.versions.items():
            versions[library] = versions.get(library, frozenset()) | found
    return Needs(frozenset(libraries), versions)


def needs_of_folder(folder: Path) -> Needs:
    """What the files in a folder need from outside it, those apart that only refine the look (OPTIONAL_FILES)."""
    files = elf_files(folder)
    inside = {path.name for path in folder.rglob("*")}
    found = together(_read(file) for file in files if file.name not in OPTIONAL_FILES)
    return Needs(frozenset(name for name in found.libraries if name not in inside), found.versions)


def elf_files(folder: Path) -> list[Path]:
    """Programs and shared libraries below a folder; links are not followed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def dependencies(needs: Needs) -> list[str]:
    """The *Depends* of a Debian package with these needs, with the versions of libc6 and libstdc++6.

    Raises
    ------
    UnknownLibrary
        When a library is in no table; it has to be put into the bundle or into :data:`PACKAGES`.
    """
    unknown = sorted(needs.libraries - PACKAGES.keys())
    if unknown:
        raise UnknownLibrary(f"no package is known for {', '.join(unknown)}: add to PACKAGES in {Path(__file__).name}")
    packages = {PACKAGES[library] for library in needs.libraries}
    versions = {}
    if glibc := needs.newest("GLIBC"):
        versions["libc6"] = ".".join(map(str, glibc))
    if glibcxx := needs.newest("GLIBCXX"):
        versions["libstdc++6"] = _GLIBCXX.get((*glibcxx, 0, 0)[2], "4.8")
    return [f"{name} (>= {versions[name]})" if name in versions else name for name in sorted(packages)]


def _read(file: Path) -> Needs:
    shown = subprocess.run(["objdump", "-p", str(file)], capture_output=True, text=True, errors="replace", check=True)
    return needs_of(shown.stdout)
