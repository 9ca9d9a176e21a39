"""Writes ``requirements.txt``: every package this project runs, tests and builds with, pinned and hashed.

One file serves every supported platform and Python; environment markers choose. It holds no addresses: pip takes the
packages from wherever it is configured to. After writing, each platform and Python is resolved against the file, wheels
only, so that a version without a wheel for one of them is found here and not by a user.

Needs ``uv`` (``pip install uv``), which resolves for platforms other than the one it runs on. Run as ``make lock``;
``make lock LOCK_ARGS=--upgrade`` takes newer versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "packaging" / "requirements.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: The oldest systems each platform's wheels run on: glibc 2.34 and 2.39 (Qt's wheels for ARM), macOS 14.
PLATFORMS = (
    "x86_64-manylinux_2_34",
    "aarch64-manylinux_2_39",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)


def main(arguments: list[str]) -> int:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        print("uv is missing; it makes the pins:  .venv/bin/python -m pip install uv", file=sys.stderr)
        return 1
    _compile(uv, arguments)
    return _check(uv)


def _compile(uv: str, arguments: list[str]) -> None:
    # "fewest": one version for all Pythons, so that what was tested on one is what runs on the others.
    subprocess.run(
        [
            uv, "pip", "compile", "pyproject.toml", "--group", "test", "--universal", "--python-version", PYTHONS[0],
            "--fork-strategy", "fewest", "--only-binary", ":all:", "--generate-hashes", "--no-header", "--no-annotate",
            "--no-config", "--quiet", "--output-file", str(REQUIREMENTS), *arguments,
        ],
        cwd=ROOT, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    text = REQUIREMENTS.read_text(encoding="utf-8")
    addresses = re.findall(r"^.*(?:://|^-).*$", text, flags=re.MULTILINE)
    if addresses:
        raise SystemExit(f"addresses or options got into {REQUIREMENTS.name}: {addresses[:3]}")
    print(f"{REQUIREMENTS.name}: {len(re.findall(r'^[^ #]+==', text, flags=re.MULTILINE))} packages")


def _check(uv: str) -> int:
    failures = 0
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    with tempfile.TemporaryDirectory() as target:
        for platform in PLATFORMS:
            for python in PYTHONS:
                answer = subprocess.run(
                    [
                        uv, "pip", "install", "--dry-run", "--quiet", "--no-config", "--require-hashes",
                        "--only-binary", ":all:", "--target", target, "--python-platform", platform,
                        "--python-version", python, "--requirement", str(REQUIREMENTS),
                    ],
                    env=environment, capture_output=True, text=True, check=False,
                )  # fmt: skip
                print(f"{platform}, Python {python}: {'ok' if answer.returncode == 0 else 'FAILED'}")
                if answer.returncode != 0:
                    failures += 1
                    print(answer.stderr, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
