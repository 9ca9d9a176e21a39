"""How far a job is that embeds with several networks: over all of them, not the one at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from canon_core.jobs import Event, JobContext, Progress


class EmbeddingProgress:
    """Counts images × networks, and adds up what each network still has to do at its own pace.

    A network that was not measured yet is taken to be as fast as those that were, for each floating-point operation
    where operations are known of all, else for each image: the remaining time is then rough.

    Parameters
    ----------
    ctx : JobContext
        Of the whole job.
    rows : int
        Images.
    done : mapping of str to int
        Images that each network has embedded already, in the order of the work.
    flops : mapping of str to int
        Operations of each network for one image; 0 where they are not known.
    """

    def __init__(self, ctx: JobContext, rows: int, done: Mapping[str, int], flops: Mapping[str, int]) -> None:
        self._ctx, self._rows = ctx, rows
        self._done, self._flops = dict(done), dict(flops)
        self._seconds: dict[str, float] = {}  # an image takes, by network

    def of(self, model: str) -> JobContext:
        """The context of one network's work."""
        return self._ctx.step(lambda event: self._say(model, event))

    def finished(self, model: str) -> None:
        """The network has embedded all images, or is given up."""
        self._done[model] = self._rows

    def _say(self, model: str, event: Event) -> None:
        if isinstance(event, Progress) and event.total == self._rows:
            event = self._of_all(model, event)
        self._ctx.pass_on(event)

    def _of_all(self, model: str, event: Progress) -> Progress:
        if event.rate:
            self._seconds[model] = 1 / event.rate
        self._done[model] = event.done
        names = list(self._done)
        left = {name: self._rows - done for name, done in self._done.items() if done < self._rows}
        paces = {name: self._pace(name) for name in left}
        known = [pace * left[name] for name, pace in paces.items() if pace is not None]
        return replace(
            event,
            done=sum(self._done.values()),
            total=self._rows * len(names),
            what=f"embedding with {model}" + f", network {names.index(model) + 1} of {len(names)}" * (len(names) > 1),
            eta=sum(known) if len(known) == len(left) else None,
            rough=any(name not in self._seconds for name in left),
        )

    def _pace(self, model: str) -> float | None:
        """Seconds an image takes; None while nothing is measured."""
        if model in self._seconds or not self._seconds:
            return self._seconds.get(model)
        if self._flops.get(model) and all(self._flops.get(name) for name in self._seconds):
            paces = [self._flops[model] * seconds / self._flops[name] for name, seconds in self._seconds.items()]
        else:
            paces = list(self._seconds.values())
        return sum(paces) / len(paces)
