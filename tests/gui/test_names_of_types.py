"""What modules of the window import for annotations alone is there: nothing else would notice that it is not."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import app


def test_every_name_that_is_imported_for_annotations_exists() -> None:
    root = Path(app.__file__).parent
    names, missing = 0, []
    for file in sorted(root.rglob("*.py")):
        package = ".".join(("app", *file.relative_to(root).parent.parts))
        guarded = [
            node
            for block in ast.parse(file.read_text("utf-8")).body
            if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
            for node in block.body
        ]
        for node in guarded:
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module("." * node.level + (node.module or ""), package)
                names += len(node.names)
                missing += [
                    f"{file.name}: {alias.name} of {module.__name__}"
                    for alias in node.names
                    if not hasattr(module, alias.name)
                ]
    assert names > 50
    assert not missing
