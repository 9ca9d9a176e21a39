"""What a study holds of one question: asked again whenever the answer may be another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from canon_core.errors import CanonError
from canon_core.jobs import JobContext

from .engine_bridge import EngineBridge

Found = TypeVar("Found")


class Lookup(Generic[Found]):
    """The answer to one question, of which the latest counts.

    Attributes
    ----------
    found : Found or None
        What is stored; until it is known, that of before.
    error : CanonError or None
        Why it cannot be read.
    known : bool
        Whether what was wanted last is answered.

    Parameters
    ----------
    topic : str
        Of the question; a question of another topic does not replace it.
    changed : callable
        Told when there is an answer, or none any more.
    faulted : callable, optional
        Told of an error too.
    """

    def __init__(
        self,
        bridge: EngineBridge,
        topic: str,
        changed: Callable[[], None],
        faulted: Callable[[CanonError], None] | None = None,
    ) -> None:
        self.found: Found | None = None
        self.error: CanonError | None = None
        self.known = False
        self._bridge, self._topic, self._changed, self._faulted = bridge, topic, changed, faulted
        self._key: object = None
        self._read: Callable[[], Found | None] | None = None

    def want(self, key: object, read: Callable[[], Found | None]) -> None:
        """Read what belongs to a key, unless it is that of before. A key holds all that the answer depends on."""
        if key != self._key:
            self._key, self._read = key, read
            self.known = False
            self.again()

    def want_nothing(self) -> None:
        """There is no question."""
        if self._key is not None:
            self.drop()
            self.put(None)

    def again(self) -> None:
        """Read it once more: something was stored since. What is wanted stays known meanwhile."""
        key, read = self._key, self._read
        if key is None or read is None:
            return

        def work(_ctx: JobContext) -> Found | None:
            return read()

        def answered(found: Found | None) -> None:
            if self._key == key:
                self.put(found)

        def failed(error: CanonError) -> None:
            if self._key == key:
                self.put(None, error)
            if self._faulted is not None:
                self._faulted(error)

        self._bridge.ask(self._topic, work, on_result=answered, on_failure=failed)

    def put(self, found: Found | None, error: CanonError | None = None) -> None:
        """Take what a job computed for what was read."""
        self.found, self.error, self.known = found, error, True
        self._changed()

    def outdate(self) -> None:
        """Something stored was deleted: whatever is wanted next is read anew."""
        self._key = None

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self._key = None
        self._bridge.drop(self._topic)

    def forget(self) -> None:
        """Know nothing: another study is there, or none."""
        self._key = self.found = self.error = None
        self.known = False
        self._changed()
