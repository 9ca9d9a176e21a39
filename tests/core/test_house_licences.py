"""The licence texts of everything that ends up in a bundle are found, and travel along."""

from __future__ import annotations

import importlib
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def licences(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    return importlib.import_module("licences")


def runtime_closure() -> list[Distribution]:
    """What the program needs to run, as installed here: its dependencies and theirs."""
    found: dict[str, Distribution] = {}
    waiting = ["canon-explorer"]
    while waiting:
        name = waiting.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another system
            continue
        if package.metadata["Name"] in found:
            continue
        found[package.metadata["Name"]] = package
        requirements = [line for line in package.requires or () if "extra ==" not in line]
        waiting += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements]
    del found["canon-explorer"]
    return list(found.values())


def test_everything_the_program_runs_with_has_a_licence_text(licences: ModuleType) -> None:
    packages = runtime_closure()
    assert {"numpy", "umap-learn", "shiboken6"} <= {licences.name_of(package) for package in packages}
    for package in packages:  # NoLicenceText names the one that has none
        for path in licences.licence_texts(package).values():
            assert path.stat().st_size > 100, path


def test_a_package_without_a_text_stops_the_build(licences: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(licences.NoLicenceText, match="bare brings no licence text"):
        licences.licence_texts(package_at(tmp_path, "bare", {}))


def test_texts_are_taken_at_any_depth_from_the_package_and_its_metadata(licences: ModuleType, tmp_path: Path) -> None:
    taken = {
        "bare-1.0.dist-info/licenses/LICENSE": "LICENSE",
        "bare-1.0.dist-info/licenses/bare/src/COPYING": "bare-src-COPYING",
        "bare/LICENSE": "bare-LICENSE",
        "bare/integrate/LICENSE_DOP": "integrate-LICENSE_DOP",
        "bare/fft/_pocketfft/LICENSE.md": "fft-_pocketfft-LICENSE.md",
        "bare/svm/src/liblinear/COPYRIGHT": "svm-src-liblinear-COPYRIGHT",
        "bare/qhull_src/COPYING_QHULL.txt": "qhull_src-COPYING_QHULL.txt",
        "bare/deep/down/licence.txt": "deep-down-licence.txt",
        "bare/colours/CC-BY license - of the maps.txt": "colours-CC-BY license - of the maps.txt",
        "bare/NOTICE": "NOTICE",
    }
    code = ["bare/license.py", "bare/src/copying.cpp", "bare/unlicensed.txt", "bare/noticeboard/a.txt"]
    package = package_at(tmp_path, "bare", dict.fromkeys([*taken, *code], "the terms"))
    found = licences.licence_texts(package)
    assert {path.relative_to(tmp_path).as_posix(): title for title, path in found.items()} == taken


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("scikit-learn", ["The LIBLINEAR Project", "Chih-Chung Chang and Chih-Jen Lin"]),
        ("typer", ["Pallets"]),
        ("scipy", ["pocketfft", "Ernst Hairer", "Qhull", "uarray|Quansight"]),
        ("opencv-python-headless", ["FFmpeg", "MIT License|Apache License"]),
    ],
)
def test_texts_of_code_that_a_package_took_in_travel_along(
    licences: ModuleType, package: str, words: list[str]
) -> None:
    texts = licences.licence_texts(distribution(package))
    said = "\n".join([*texts, *(path.read_text("utf-8", "replace") for path in texts.values())])
    for word in words:
        assert re.search(word, said), word


def test_all_texts_are_written_with_an_index_and_how_to_replace_qt(licences: ModuleType, tmp_path: Path) -> None:
    package = package_at(tmp_path / "site", "Some_Package", {"Some_Package/COPYING": "the terms"})
    qt = distribution("shiboken6")
    count = licences.write(tmp_path / "out", [package, qt])
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"README.txt", "Some-Package/COPYING", "shiboken6/LGPL-3.0.txt", "shiboken6/GPL-3.0.txt"} <= written
    assert {"Python/LICENSE.txt"} <= written
    assert count == len(written) - 1
    index = (tmp_path / "out" / "README.txt").read_text()
    assert "Some-Package 1.0: MIT" in index
    assert "You may replace them" in index


def test_the_owner_of_a_file_is_found(licences: ModuleType) -> None:
    import numpy as np

    assert [licences.name_of(owner) for owner in licences.owners([np.__file__])] == ["numpy"]


def package_at(site: Path, name: str, files: dict[str, str]) -> Distribution:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: MIT\n")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    (folder / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    return Distribution.at(folder)
