"""Makes the program as something to install: a folder that runs without Python, and a Debian package of it.

    make bundle                                  # dist/canon-explorer/ and dist/canon-explorer_VERSION_ARCH.deb
    .venv/bin/python packaging/bundle.py --gpu   # with ONNX Runtime's CUDA and TensorRT libraries

Needs PyInstaller 6 or newer in the environment that runs this, and binutils; dpkg for the package.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import bundle_contents
import deb
import elf_needs
import licences

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bundle"
OUT = ROOT / "dist"
INTERNAL = "_internal"
#: Libraries below this many bytes keep their symbols: they weigh nothing.
_STRIP_FROM = 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="keep ONNX Runtime's CUDA and TensorRT libraries (285 MB)")
    parser.add_argument("--no-deb", action="store_true", help="the folder only")
    parser.add_argument("--out", type=Path, default=OUT, help="default: dist/")
    arguments = parser.parse_args()
    try:
        start = time.perf_counter()
        folder = build_folder(arguments.out.resolve(), gpu=arguments.gpu)
        depends = elf_needs.dependencies(elf_needs.needs_of_folder(folder))
        print(f"{folder}: {megabytes(folder):.0f} MB, {time.perf_counter() - start:.0f} s")
        print(f"needs of the system: {', '.join(depends)}", flush=True)
        if shutil.which("dpkg-deb") and not arguments.no_deb:
            version = metadata.version("canon-explorer")
            start = time.perf_counter()
            package = deb.build(folder, version, WORK / "deb", folder.parent)
            print(f"{package}: {package.stat().st_size / 1e6:.0f} MB, {time.perf_counter() - start:.0f} s")
        elif not arguments.no_deb:
            print("no dpkg-deb here: no Debian package")
    except (licences.NoLicenceText, elf_needs.UnknownLibrary, BundleFailed) as fault:
        print(f"\nThe bundle was not finished: {fault}.", file=sys.stderr)
        return 1
    return 0


class BundleFailed(Exception):
    """PyInstaller is missing or did not get through; the message says what to do."""


def build_folder(out: Path, *, gpu: bool) -> Path:
    """The folder that runs without Python, with its licences.

    Raises
    ------
    BundleFailed, licences.NoLicenceText
    """
    folder = out / deb.PACKAGE
    sources = _run_pyinstaller(out, gpu)
    own = metadata.distribution("canon-explorer")
    # PyInstaller's start program is inside, too, whether one of its files was named or not.
    packages = [*licences.owners(sources), metadata.distribution("pyinstaller")]
    inside = {licences.name_of(each): each for each in packages}
    inside.pop(licences.name_of(own), None)
    internal = folder / INTERNAL
    _write_metadata(internal, [*inside.values(), own])
    # Compiled once and for all: whoever runs it cannot write there, and root must leave nothing behind.
    quiet = {"quiet": 1, "invalidation_mode": py_compile.PycInvalidationMode.UNCHECKED_HASH}
    for package in ("umap", "pynndescent"):
        compileall.compile_dir(internal / package, stripdir=str(internal), **quiet)  # type: ignore[arg-type]
    _strip(folder)
    licences.write(folder / "THIRD_PARTY_LICENSES", inside.values(), f"{INTERNAL}/")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    return folder


def megabytes(folder: Path) -> float:
    """Size of a folder's files in millions of bytes, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink()) / 1e6


def _run_pyinstaller(out: Path, gpu: bool) -> list[str]:
    """Run the recipe; the files that went in, by the paths they come from."""
    try:
        metadata.distribution("pyinstaller")
    except metadata.PackageNotFoundError:
        raise BundleFailed('PyInstaller is missing: make bundle, or pip install "pyinstaller>=6"') from None
    if platform.system() == "Linux" and not shutil.which("objdump"):
        raise BundleFailed("objdump is missing: apt-get install binutils") from None
    WORK.mkdir(parents=True, exist_ok=True)
    listed = WORK / "sources.json"
    environment = {**os.environ, "CANON_BUNDLE_GPU": str(int(gpu)), "CANON_BUNDLE_SOURCES": str(listed)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    command += ["--distpath", str(out), "--workpath", str(WORK / "pyinstaller"), str(ROOT / "packaging" / "canon.spec")]
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    log = WORK / "pyinstaller.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run([*nice, *command], stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode != 0:
        raise BundleFailed(f"PyInstaller ended with {done.returncode}; its last words are in {log}")
    found: list[str] = json.loads(listed.read_text(encoding="utf-8"))
    missing = {str(file) for file in bundle_contents.own_modules(ROOT)}.difference(found)
    if missing:  # commands and views are found by name, and what cannot be imported is passed over in silence
        raise BundleFailed(f"modules of the program are not inside: {', '.join(sorted(missing))}; see {log}")
    return found


def _write_metadata(internal: Path, packages: Iterable[metadata.Distribution]) -> None:
    """Names and versions of what is inside, for ``canon doctor`` and for packages that ask for their own version."""
    for package in packages:
        folder = internal / f"{licences.name_of(package).replace('-', '_')}-{package.version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(package.read_text("METADATA") or "", encoding="utf-8")


def _strip(folder: Path) -> None:
    """Take debugging symbols out of large libraries; those in ``*.libs`` were patched and break when stripped."""
    if not shutil.which("strip") or platform.system() != "Linux":
        return
    for file in elf_needs.elf_files(folder):
        if file.stat().st_size >= _STRIP_FROM and ".so" in file.name and not file.parent.name.endswith(".libs"):
            subprocess.run(["strip", "--strip-unneeded", str(file)], check=True)


if __name__ == "__main__":
    sys.exit(main())
