"""Licence texts of everything inside a bundle: one folder a package, an index, and how to replace Qt's libraries."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "packaging" / "licences"
#: Packages that bring no text along, and the texts that say what their metadata names.
MISSING_TEXTS: Mapping[str, tuple[Path, ...]] = {
    "flatbuffers": (ROOT / "LICENSE",),  # Apache-2.0, as ours
    "pyside6-essentials": (TEXTS / "LGPL-3.0.txt", TEXTS / "GPL-3.0.txt"),
    "shiboken6": (TEXTS / "LGPL-3.0.txt", TEXTS / "GPL-3.0.txt"),
}
#: Code of others inside a package of which it brings no text of its own; theirs are quoted from its sources.
FURTHER_TEXTS: Mapping[str, tuple[Path, ...]] = {"scikit-learn": (TEXTS / "libsvm-COPYRIGHT.txt",)}
#: Names of texts: LICENSE_DOP, COPYING_QHULL.txt, LICENCE, COPYRIGHT, "CC-BY license - …".
_TEXT = re.compile(r"(^|[\W_])(licen[cs]e|copying|copyright|notice|thirdpartynotices|authors)", re.IGNORECASE)
_NOT_A_TEXT = (".py", ".pyc", ".pyi", ".pyx", ".pxd", ".so", ".c", ".cpp", ".h", ".hpp", ".json", ".js", ".css")

README = """\
What this program is made of, and under which terms

Canon Explorer itself: Apache License 2.0, see LICENSE beside this folder. Everything below is other people's work,
unchanged, in the versions named; each folder holds the texts that came with it.

{index}

Qt, PySide6 and shiboken6 (LGPL-3.0)

The program uses them under the GNU Lesser General Public License, version 3 (PySide6-Essentials/LGPL-3.0.txt, which
refers to GPL-3.0.txt). They are shared libraries in folders of their own, {internal}PySide6 and
{internal}shiboken6, loaded when the program starts and linked to nothing else. You may replace them: put libraries
of your own build with the same names and a compatible interface (the same major version of Qt, the same minor version
of PySide6) in their place, for instance {internal}PySide6/Qt/lib/libQt6Widgets.so.6, and start the program. Nothing
checks them, and nothing in the program's terms forbids taking it apart to find out why your libraries do not work.
Their sources: https://download.qt.io/official_releases/qt/ and
https://download.qt.io/official_releases/QtForPython/pyside6/ in the version named above. What Qt itself contains of
others: https://doc.qt.io/qt-6/licenses-used-in-qt.html. Patched in no way; symbols of debugging may be stripped.

FFmpeg, inside opencv-python-headless (LGPL-2.1)

opencv_python_headless.libs holds FFmpeg's shared libraries, which can be replaced in the same way; their terms and
where their sources lie are in opencv-python-headless/LICENSE-3RD-PARTY.txt.
"""


class NoLicenceText(Exception):
    """A package inside the bundle has no licence text; the message names it."""


def owners(files: Iterable[str]) -> list[Distribution]:
    """The installed packages that own these files, by name."""
    wanted = {os.path.normpath(file) for file in files}
    found = {}
    for distribution in distributions():
        own = (os.path.normpath(distribution.locate_file(file)) for file in distribution.files or ())
        if any(file in wanted for file in own):
            found[name_of(distribution)] = distribution
    return [found[name] for name in sorted(found)]


def name_of(distribution: Distribution) -> str:
    """Normalised name, as pip compares them."""
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()


def licence_texts(distribution: Distribution) -> dict[str, Path]:
    """Licence texts of a package, under the names they get here: from its metadata, and from anywhere inside it, since
    code of others that it took in keeps its own.

    Raises
    ------
    NoLicenceText
        When the package brings none and :data:`MISSING_TEXTS` knows none.
    """
    texts: dict[str, Path] = {}
    for file in sorted(distribution.files or (), key=lambda file: (not file.parts[0].endswith(".dist-info"), file)):
        path = Path(str(distribution.locate_file(file)))
        inner = [part for part in file.parts[1:] if part.casefold() != "licenses"]
        named = bool(inner and _TEXT.search(inner[-1])) or "licenses" in map(str.casefold, file.parts[1:-1])
        if named and path.suffix.casefold() not in _NOT_A_TEXT and path.is_file():
            title = "-".join(inner)
            texts["-".join(file.parts) if title in texts else title] = path
    if not texts:
        texts = {path.name: path for path in MISSING_TEXTS.get(name_of(distribution), ())}
    if not texts:
        name = distribution.metadata["Name"]
        raise NoLicenceText(f"{name} brings no licence text: find it and add it to MISSING_TEXTS in licences.py")
    return texts | {path.name: path for path in FURTHER_TEXTS.get(name_of(distribution), ())}


def terms(distribution: Distribution) -> str:
    """What a package's metadata says of its licence, in a line."""
    metadata = distribution.metadata
    said = metadata.get("License-Expression") or metadata.get("License") or ""
    classified = [c.rsplit(" :: ", 1)[1] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    if said and "\n" not in said.strip() and len(said) < 120:
        return said.strip()
    return ", ".join(classified) or "see the texts"


def python_texts() -> dict[str, Path]:
    """The licence of the Python inside: where its builders put it, or where Debian does."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = Path(os.__file__).parent
    candidates = (
        library / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
        Path(f"/usr/share/doc/{version}/copyright"),
    )
    for path in candidates:
        if path.is_file():
            return {"LICENSE.txt": path}
    raise NoLicenceText(f"the licence of Python was not found at {', '.join(map(str, candidates))}")


def write(folder: Path, packages: Iterable[Distribution], internal: str = "_internal/") -> int:
    """Fill a folder with the texts of these packages and of Python; how many texts there are.

    Raises
    ------
    NoLicenceText
    """
    if folder.exists():
        shutil.rmtree(folder)
    everything = [("Python", sys.version.split()[0], "Python-2.0", python_texts())]
    for package in packages:
        name = package.metadata["Name"].replace("_", "-")
        everything.append((name, package.version, terms(package), licence_texts(package)))
    count = 0
    for name, _, _, texts in everything:
        (folder / name).mkdir(parents=True)
        for title, path in texts.items():
            shutil.copyfile(path, folder / name / title)
            count += 1
    index = "\n".join(f"{name} {version}: {said}" for name, version, said, _ in everything)
    (folder / "README.txt").write_text(README.format(index=index, internal=internal), encoding="utf-8")
    return count
