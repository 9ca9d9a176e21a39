"""Runs every benchmark of ``tests/benchmarks`` by itself and writes ``docs/performance.md`` from their figures."""

from __future__ import annotations

import ast
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "tests" / "benchmarks"
PAGE = ROOT / "docs" / "performance.md"
#: Benchmarks that are run once more, after all others: on the data that ``ijbc_scale.py`` leaves there.
FURTHER = {"heartbeat": ("--ijbc", str(Path(tempfile.gettempdir()) / "canon-ijbc-scale"))}
LIBRARIES = ("numpy", "scipy", "h5py", "onnxruntime-gpu", "onnxruntime", "opencv-python-headless", "PySide6-Essentials")


def main() -> int:
    sections, failed = [], []
    scripts = sorted(path for path in BENCHMARKS.glob("*.py") if not path.name.startswith(("_", "make_")))
    runs: list[tuple[Path, tuple[str, ...]]] = [(script, ()) for script in scripts]
    runs += [(script, FURTHER[script.stem]) for script in scripts if script.stem in FURTHER]
    for script, arguments in runs:
        options = " ".join("DIR" if os.sep in each else each for each in arguments)
        title = f"{script.stem} {options}".strip()
        print(f"\n=== {title}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder, "figures.json")
            started = time.monotonic()
            status = subprocess.run(
                [sys.executable, str(script), *arguments, "--json", str(figures)],
                cwd=ROOT, env={"QT_QPA_PLATFORM": "offscreen", **os.environ}, check=False,
            ).returncode  # fmt: skip
            seconds = time.monotonic() - started
            told = json.loads(figures.read_text(encoding="utf-8")) if figures.is_file() else {}
        if status != 0 or not told:
            failed.append(title)
        sections.append(section(script, title, told, status, seconds))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join([introduction(), *sections]), encoding="utf-8")
    print(f"\n{PAGE.relative_to(ROOT)} written" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def introduction() -> str:
    return f"""# Performance

Written by `make bench` on {machine()}.

Each benchmark runs alone and measures ours and the reference in one run on the same inputs, after checking that both
give the same result. Times are in seconds; `ratio…` says how many times the reference takes longer or, for a
throughput, ours over the reference; `peak_mb` is the peak memory of a process that runs only ours.
"""


def section(script: Path, title: str, figures: dict[str, Any], status: int, seconds: float) -> str:
    """One benchmark: its own first sentence, then every figure it wrote."""
    purpose = (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    lines = [f"## {title}", "", " ".join(purpose.split()), ""]
    if status != 0:
        lines += [f"**Failed** (exit status {status}); figures it wrote before that, if any:", ""]
    rows = flatten(figures)
    if rows:
        lines += ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += [f"`python tests/benchmarks/{title.replace(script.stem, script.name, 1)}`, {seconds:.0f} s in all.", ""]
    return "\n".join(lines)


def flatten(figures: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested figures as rows: ``stages.decode.ours_s``; a list of plain values stays one row."""
    if isinstance(figures, dict):
        return [row for name, value in figures.items() for row in flatten(value, f"{prefix}.{name}".lstrip("."))]
    if isinstance(figures, list) and any(isinstance(value, dict | list) for value in figures):
        return [row for number, value in enumerate(figures) for row in flatten(value, f"{prefix}[{number}]")]
    values = figures if isinstance(figures, list) else [figures]
    return [(prefix, ", ".join(number(value) for value in values))]


def number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).replace("|", "\\|")
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [f"{processor()} ({cores} cores)", f"{platform.system()} {platform.machine()}"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.insert(1, f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB of memory")
    versions = [f"Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            versions.append(f"{library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            continue
    return f"{', '.join(parts)}; {', '.join(versions)}"


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "an unnamed processor"


if __name__ == "__main__":
    sys.exit(main())
