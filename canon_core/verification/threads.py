"""Sharing out blocks of a numerical job to threads that each own a core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from canon_core.cores import blas_threads

Item = TypeVar("Item")


def share_out(items: Iterable[Item], worker: Callable[[], Callable[[Item], None]], threads: int) -> None:
    """Call a function on every item, in several threads; BLAS runs single-threaded in each meanwhile.

    Parameters
    ----------
    items : iterable
        Taken one by one, first come first served.
    worker : callable
        Called once in each thread; gives the function for that thread, which may own buffers. It must check for
        cancellation itself, by raising.
    threads : int
        At most this many; the calling thread only waits.

    Raises
    ------
    BaseException
        The first exception of any thread; the others stop after their current item.
    """
    source = iter(items)
    lock = threading.Lock()
    faults: list[BaseException] = []
    stop = threading.Event()

    def serve() -> None:
        try:
            function = worker()
            while not stop.is_set():
                with lock:
                    item = next(source, None)
                if item is None:
                    return
                function(item)
        except BaseException as fault:  # noqa: BLE001 - handed to the caller below
            faults.append(fault)
            stop.set()

    pool = [threading.Thread(target=serve, name=f"canon-scores-{k}", daemon=True) for k in range(max(1, threads))]
    with blas_threads(1):
        for thread in pool:
            thread.start()
        try:
            for thread in pool:
                thread.join()
        finally:  # an interrupt of the waiting thread ends the others too
            stop.set()
            for thread in pool:
                thread.join()
    if faults:
        raise faults[0]
