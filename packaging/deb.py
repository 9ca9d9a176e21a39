"""A Debian package of a finished bundle: into /opt, onto the menu, and away again without a trace."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import draw_icon
import elf_needs
import window_needs

ROOT = Path(__file__).resolve().parent.parent
DESKTOP = ROOT / "packaging" / "desktop"
#: Name on the desktop: of the menu's entry, the icon and the metainfo file; the window says the same (app/main.py).
IDENTITY = "org.canon_explorer.CanonExplorer"
PACKAGE = "canon-explorer"
HOME = Path("opt") / PACKAGE

_CONTROL = """\
Package: {package}
Version: {version}
Architecture: {architecture}
Maintainer: Canon Explorer developers <nobody@canon-explorer.invalid>
Installed-Size: {installed_kib}
Section: science
Priority: optional
Depends: {depends}
Recommends: {recommends}
Description: maps between face-recognition models, measured and shown
 Loads face-recognition networks (ONNX) and a set of faces, embeds every face
 with every network, fits maps between every two networks, and shows how well
 faces embedded by different networks can be compared: a matrix of true accept
 rates, ROC curves, overlays of aligned spaces.
 .
 Brings its own Python and libraries in /opt/{package}; the program is called
 canon, "canon gui" opens the window. Studies are the user's own folders and
 stay when the package is removed.
"""
_COPYRIGHT = """\
Canon Explorer is under the Apache License 2.0, of which Debian keeps a copy in
/usr/share/common-licenses/Apache-2.0. The terms of everything else inside:
/opt/canon-explorer/THIRD_PARTY_LICENSES/README.txt
"""


@dataclass(frozen=True)
class Control:
    """What a package says of itself."""

    version: str
    architecture: str
    installed_kib: int
    depends: tuple[str, ...]
    recommends: tuple[str, ...]

    def text(self) -> str:
        """The file ``control``."""
        return _CONTROL.format(
            package=PACKAGE,
            version=self.version,
            architecture=self.architecture,
            installed_kib=self.installed_kib,
            depends=", ".join(self.depends),
            recommends=", ".join(self.recommends),
        )


def build(bundle: Path, version: str, work: Path, out: Path) -> Path:
    """Lay the package out under ``work`` and write it into ``out``.

    Parameters
    ----------
    bundle : Path
        The finished folder; its files are linked, not copied, where the file system allows it.
    version : str
    work : Path
        Made anew.
    out : Path
        Gets ``canon-explorer_VERSION_ARCHITECTURE.deb``.
    """
    root = work / "root"
    if root.exists():
        shutil.rmtree(root)
    lay_out(bundle, root, draw_icon.write_pictures(work / "icons"))
    needs = elf_needs.needs_of_folder(bundle)
    architecture = _output("dpkg", "--print-architecture").strip()
    control = Control(
        version,
        architecture,
        sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir()) // 1024,
        (*elf_needs.dependencies(needs), window_needs.FONT_PACKAGE),
        elf_needs.OPTIONAL_PACKAGES,
    )
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "md5sums").write_text(_checksums(root), encoding="utf-8")
    (root / "DEBIAN" / "control").write_text(control.text(), encoding="utf-8")
    _set_modes(root)
    target = out / f"{PACKAGE}_{version}_{architecture}.deb"
    target.unlink(missing_ok=True)
    _output("dpkg-deb", "--root-owner-group", "-Zzstd", "-z10", "--build", str(root), str(target))
    return target


def lay_out(bundle: Path, root: Path, pictures: list[Path]) -> None:
    """Everything where it will lie once installed."""
    shutil.copytree(bundle, root / HOME, symlinks=True, copy_function=_link)
    share = root / "usr" / "share"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "canon").symlink_to(f"/{HOME}/canon")
    _copy(DESKTOP / f"{IDENTITY}.desktop", share / "applications" / f"{IDENTITY}.desktop")
    _copy(DESKTOP / f"{IDENTITY}.metainfo.xml", share / "metainfo" / f"{IDENTITY}.metainfo.xml")
    icons = share / "icons" / "hicolor"
    for picture in pictures:
        _copy(picture, icons / picture.stem / "apps" / f"{IDENTITY}.png")
    _copy(draw_icon.ICON, icons / "scalable" / "apps" / f"{IDENTITY}.svg")
    (share / "doc" / PACKAGE).mkdir(parents=True)
    (share / "doc" / PACKAGE / "copyright").write_text(_COPYRIGHT, encoding="utf-8")


def _checksums(root: Path) -> str:
    lines = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.relative_to(root).parts[:1]:
            with path.open("rb") as stream:
                lines.append(f"{hashlib.file_digest(stream, 'md5').hexdigest()}  {path.relative_to(root)}")
    return "\n".join(lines) + "\n"


def _set_modes(root: Path) -> None:
    """Folders and programs 0755, the rest 0644, whatever the builder's umask."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or (path.stat().st_mode & 0o100 and ".so" not in path.name)
            path.chmod(0o755 if executable else 0o644)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
