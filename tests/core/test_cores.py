"""Limits on BLAS's threads, whoever sets them at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from canon_core.cores import blas_threads


def limits() -> set[int]:
    return {library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers}


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Three threads of BLAS, however many cores there are."""
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(3, user_api="blas"):
        yield


def test_a_limit_ends_with_its_block_however_that_ends() -> None:
    with blas_threads(1):
        assert limits() == {1}
    assert limits() == {3}
    with pytest.raises(ValueError, match="inside"), blas_threads(2):
        raise ValueError("inside")
    assert limits() == {3}


def test_the_least_of_nested_limits_holds() -> None:
    with blas_threads(2):
        with blas_threads(1):
            assert limits() == {1}
            with blas_threads(2):
                assert limits() == {1}
        assert limits() == {2}
    assert limits() == {3}


def test_a_thread_that_leaves_first_does_not_lift_the_limit_of_another() -> None:
    inside, other_inside, left = threading.Event(), threading.Event(), threading.Event()
    seen: list[set[int]] = []

    def first() -> None:
        with blas_threads(1):
            inside.set()
            other_inside.wait(30)
        left.set()

    def second() -> None:
        inside.wait(30)
        with blas_threads(1):
            other_inside.set()
            left.wait(30)
            seen.append(limits())

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{1}]
    assert limits() == {3}
