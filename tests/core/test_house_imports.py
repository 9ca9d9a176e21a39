"""The engine stands without the window, and importing it loads none of the slow libraries."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Imports every module of a package in one fresh process and prints, for each watched library, who first asked for it.
WATCH = """
import importlib, json, pkgutil, sys

WATCHED = {watched!r}
REFUSED = {refused!r}
asked = {{}}

class Watch:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in WATCHED or top in REFUSED:
            frame = sys._getframe(1)
            while frame and frame.f_globals.get("__name__", "").startswith("importlib"):
                frame = frame.f_back
            asked.setdefault(top, frame.f_globals.get("__name__", "?") if frame else "?")
        if top in REFUSED:
            raise ModuleNotFoundError(f"{{name}} is not there", name=name)
        return None

sys.meta_path.insert(0, Watch())
package = importlib.import_module({package!r})
modules = [package.__name__] + [
    module.name
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None)
    if not module.name.endswith("__main__")
]
for name in modules:
    importlib.import_module(name)
print(json.dumps({{"modules": modules, "asked": asked}}))
"""


def import_everything(
    watched: set[str], refused: set[str], package: str = "canon_core", folder: Path = ROOT
) -> tuple[list[str], dict[str, str]]:
    program = WATCH.format(watched=watched, refused=refused, package=package)
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    return told["modules"], told["asked"]


def test_the_engine_imports_where_there_is_no_qt_and_no_window():
    modules, asked = import_everything(set(), {"PySide6", "shiboken6", "pyqtgraph", "pytestqt", "app", "canon_app"})
    assert {"canon_core.cli.contents", "canon_core.study.study", "canon_core.maps.fit"} <= set(modules)
    assert asked == {}, "library -> the module that asked for it"


def test_importing_the_engine_loads_no_slow_library():
    slow = {"onnxruntime", "onnx", "cv2", "umap", "numba", "matplotlib", "sklearn", "pandas", "torch"}
    _, asked = import_everything(slow, set())
    assert asked == {}, "library -> the module that imports it at its top instead of inside a function"


def test_the_watch_on_imports_names_a_module_that_imports_a_slow_library_or_tries_for_qt(tmp_path: Path):
    """The two tests above are as good as the watch they share."""
    package = tmp_path / "sloppy"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "room" / "__init__.py").touch()
    (package / "room" / "eager.py").write_text("import sklearn.metrics\n")
    (package / "quiet.py").write_text("try:\n    import PySide6\nexcept ImportError:\n    pass\n")
    modules, asked = import_everything({"sklearn"}, {"PySide6"}, "sloppy", tmp_path)
    assert modules == ["sloppy", "sloppy.quiet", "sloppy.room", "sloppy.room.eager"]
    assert asked == {"sklearn": "sloppy.room.eager", "PySide6": "sloppy.quiet"}


@pytest.mark.parametrize("path", sorted((ROOT / "app").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_window_reaches_its_own_modules_by_relative_imports(path: Path):
    """An installed wheel knows the window as ``canon_app``, so ``import app`` would break there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        assert not [name for name in names if name.partition(".")[0] in {"app", "canon_app"}], f"line {node.lineno}"
