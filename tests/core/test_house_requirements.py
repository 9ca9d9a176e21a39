"""The pinned requirements are whole: every line pinned and hashed, every direct dependency in it, no options."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "packaging" / "requirements.txt").read_text(encoding="utf-8")
LINES = TEXT.replace("\\\n", " ").splitlines()
PINS = [Requirement(line.partition(" --hash")[0].strip()) for line in LINES]
MACHINES = [
    {"sys_platform": system, "platform_machine": machine, "python_version": python}
    for system, machine in [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
    for python in ["3.11", "3.12", "3.13", "3.14"]
]


def direct_dependencies() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        Requirement(text)
        for text in [
            *project["project"]["dependencies"],
            *project["dependency-groups"]["test"],
            *project["build-system"]["requires"],
        ]
    ]


def applies(requirement: Requirement, machine: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(machine)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(" ")[0])
def test_every_line_is_one_exact_version_with_hashes(line: str):
    assert re.fullmatch(
        r"[a-z0-9-]+==[\w.]+ ?(; [^-#]*?)?( +--hash=sha256:[0-9a-f]{64})+",
        line,
    ), line[:120]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: " ".join([*list(m.values())[:3]]))
def test_every_direct_dependency_is_pinned_to_one_version_that_it_allows(machine: dict[str, str]):
    pins = {}
    for pin in PINS:
        if applies(pin, machine):
            assert pin.name not in pins, f"{pin.name} has two versions for one machine"
            pins[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    wanted = [requirement for requirement in direct_dependencies() if applies(requirement, machine)]
    assert len(wanted) > 20
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not pinned: make lock"
        assert requirement.specifier.contains(pins[name]), f"{name} {pins[name]} is not {requirement.specifier}"


def test_exactly_one_onnx_runtime_is_chosen_for_each_machine():
    for machine in MACHINES:
        chosen = [pin.name for pin in PINS if pin.name.startswith("onnxruntime") and applies(pin, machine)]
        with_gpu = (machine["sys_platform"], machine["platform_machine"]) in {("linux", "x86_64"), ("win32", "AMD64")}
        assert chosen == ["onnxruntime-gpu" if with_gpu else "onnxruntime"], machine
