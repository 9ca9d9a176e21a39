"""Batch sizes: constant on the CPU, by trial on a GPU, smaller when memory runs out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canon_core.embedding.batch_size import CPU_BATCH, BackOff, choose_batch, fastest
from canon_core.embedding.network import OutOfMemory
from canon_core.errors import Cancelled
from canon_core.jobs import JobContext

SIZES = [8, 16, 32, 64, 128]


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [
        ({8: 100, 16: 180, 32: 300, 64: 500, 128: 900}, 128),
        ({8: 100, 16: 103, 32: 104, 64: 500}, 8),  # no gain worth the memory, twice
        ({8: 100, 16: 90, 32: 150, 64: 151, 128: 140}, 32),  # one slow size does not end the search
    ],
)
def test_the_smallest_size_that_is_fast_enough_wins(rates: dict[int, float], wanted: int) -> None:
    assert fastest(rates.__getitem__, SIZES) == wanted


def test_sizes_end_where_the_memory_ends() -> None:
    def rate(size: int) -> float:
        if size > 32:
            raise OutOfMemory("not enough")
        return size

    assert fastest(rate, SIZES) == 32
    with pytest.raises(OutOfMemory):
        fastest(rate, [64, 128])


class Device:
    """A network on a device that holds ``memory`` images and takes 1 ms a run and 10 µs an image."""

    def __init__(self, memory: int, fixed_batch: int | None = None) -> None:
        self.memory, self.fixed_batch = memory, fixed_batch
        self.provider = SimpleNamespace(name="cuda")
        self.asked: list[int] = []

    def buffer(self, count: int) -> np.ndarray:
        return np.zeros((count, 3), np.float32)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        self.asked.append(len(tensor))
        if len(tensor) > self.memory:
            raise OutOfMemory("not enough")
        return tensor * 2


def test_a_trial_looks_at_no_size_that_does_not_fit_the_graph() -> None:
    device: Any = Device(memory=100, fixed_batch=48)
    assert choose_batch(device, JobContext()) in (48, 96)
    assert set(device.asked) == {48, 96, 240}


def test_the_processor_needs_no_trial() -> None:
    for fixed, wanted in ((None, CPU_BATCH), (1, CPU_BATCH), (3, 3), (64, 64)):
        device: Any = Device(memory=0, fixed_batch=fixed)
        device.provider = SimpleNamespace(name="cpu")
        assert choose_batch(device, JobContext()) == wanted
        assert not device.asked


def test_a_trial_ends_when_the_job_is_cancelled() -> None:
    ctx, device = JobContext(), Device(memory=1000)
    ctx.cancel()
    with pytest.raises(Cancelled):
        choose_batch(device, ctx)  # type: ignore[arg-type]


@given(count=st.integers(1, 40), memory=st.integers(1, 40))
def test_a_batch_that_does_not_fit_runs_in_pieces_with_the_same_result(count: int, memory: int) -> None:
    device = Device(memory)
    back_off = BackOff(device.run)
    tensor = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    assert np.array_equal(back_off.run(tensor), tensor * 2)
    asked = len(device.asked)
    assert np.array_equal(back_off.run(tensor), tensor * 2)
    assert max(device.asked[asked:]) <= memory  # what was learned stays


def test_pieces_are_multiples_of_what_the_graph_fixes() -> None:
    device = Device(memory=10)
    assert len(BackOff(device.run, 8).run(np.zeros((64, 3), np.float32))) == 64
    assert {size for size in device.asked if size <= 10} == {8}
    with pytest.raises(OutOfMemory):
        BackOff(device.run, 16).run(np.zeros((64, 3), np.float32))
