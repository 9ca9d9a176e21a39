"""`make bench` runs every benchmark and puts its figures on one page, failures included."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GOOD = '''"""Scores pairs.

More about it.
"""
import json, sys
figures = {"cell_s": 0.123456, "pairs": 1234567, "data": "real", "stages": {"decode": {"ours_s": [1.5, 2.0]}}}
open(sys.argv[sys.argv.index("--json") + 1], "w").write(json.dumps(figures))
'''
BAD = '"""Fails."""\nraise SystemExit(3)\n'


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    specification = importlib.util.spec_from_file_location("run_benchmarks", ROOT / "packaging" / "run_benchmarks.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "BENCHMARKS", tmp_path / "benchmarks")
    monkeypatch.setattr(module, "PAGE", tmp_path / "docs" / "performance.md")

    def write(**scripts: str) -> tuple[int, str]:
        for name, text in scripts.items():
            (tmp_path / "benchmarks" / f"{name}.py").write_text(text)
        return module.main(), module.PAGE.read_text()

    return write


def test_every_figure_of_a_benchmark_stands_on_the_page(page):
    status, text = page(scoring=GOOD, _shared="raise SystemExit(9)")
    assert status == 0
    assert "## scoring\n\nScores pairs.\n" in text
    for row in ["| cell_s | 0.1235 |", "| pairs | 1,234,567 |", "| data | real |", "| stages.decode.ours_s | 1.5, 2 |"]:
        assert row in text
    assert "_shared" not in text
    assert "Python 3." in text


def test_one_is_run_once_more_on_what_another_left(page):
    beats = '"""Beats."""\nimport json, sys\njson.dump({"last": len(sys.argv)}, open(sys.argv[-1], "w"))\n'
    status, text = page(heartbeat=beats, scoring=GOOD)
    assert status == 0
    assert "| last | 3 |" in text.split("## scoring")[0]
    last = text.split("## heartbeat --ijbc DIR\n")[1]
    assert "| last | 5 |" in last
    assert "`python tests/benchmarks/heartbeat.py --ijbc DIR`" in last


def test_a_benchmark_that_fails_is_named_and_the_others_still_run(page):
    status, text = page(broken=BAD, scoring=GOOD)
    assert status == 1
    assert "**Failed** (exit status 3)" in text
    assert "| cell_s | 0.1235 |" in text
