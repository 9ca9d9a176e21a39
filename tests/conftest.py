"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of real faces and real networks; tests that need it skip where it is missing."""
    root = Path(os.environ.get("CANON_REAL") or Path(__file__).resolve().parents[2] / "shared" / "real")
    if not (root / "models").is_dir():
        pytest.skip(f"no real faces and networks at {root} (set CANON_REAL)")
    return root
