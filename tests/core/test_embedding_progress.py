"""Progress of a job that embeds with several networks is that of the job, not of the network at work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.embedding_progress import EmbeddingProgress
from canon_core.jobs import Event, JobContext, Log, Progress
from canon_core.study.study import Study


def said(whole: EmbeddingProgress, events: list[Event], model: str, done: int, rate: float | None) -> Progress:
    """What the job says when a network's part says that."""
    whole.of(model).pass_on(Progress(1, 2, done, 100, "embedding x", rate, None))
    assert isinstance(events[-1], Progress)
    return events[-1]


def whole_job(done: dict[str, int], flops: dict[str, int] | None = None) -> tuple[EmbeddingProgress, list[Event]]:
    """Progress over a hundred images, and where its events go."""
    events: list[Event] = []
    return EmbeddingProgress(JobContext(1, 2, events.append), 100, done, flops or {}), events


def test_images_of_all_networks_are_counted_and_networks_to_come_add_to_the_time_left() -> None:
    whole, events = whole_job({"a": 0, "b": 0, "c": 40})
    begun = said(whole, events, "a", 0, None)
    assert (begun.done, begun.total, begun.eta) == (40, 300, None)
    event = said(whole, events, "a", 90, 20.0)
    assert (event.done, event.total, event.rate) == (130, 300, 20.0)
    assert event.what == "embedding with a, network 1 of 3"
    assert event.eta == pytest.approx((10 + 100 + 60) / 20)
    assert event.rough  # neither b nor c was measured
    whole.finished("a")
    event = said(whole, events, "b", 50, 10.0)
    assert event.done == 100 + 50 + 40
    assert event.eta == pytest.approx(50 / 10 + 60 * (1 / 20 + 1 / 10) / 2)
    whole.finished("b")
    event = said(whole, events, "c", 90, 5.0)
    assert (event.done, event.eta, event.rough) == (290, pytest.approx(10 / 5), False)
    assert said(whole, events, "c", 100, 5.0).eta == 0


def test_networks_to_come_are_as_fast_as_their_operations_say() -> None:
    whole, events = whole_job({"a": 0, "b": 0}, {"a": 1000, "b": 4000})
    assert said(whole, events, "a", 50, 20.0).eta == pytest.approx(50 / 20 + 100 * 4 / 20)


def test_one_network_is_no_rough_guess() -> None:
    whole, events = whole_job({"a": 0})
    event = said(whole, events, "a", 50, 20.0)
    assert (event.what, event.eta, event.rough) == ("embedding with a", pytest.approx(2.5), False)


def test_what_else_a_network_says_is_passed_on_and_it_is_cancelled_with_the_job() -> None:
    events: list[Event] = []
    ctx = JobContext(1, 2, events.append)
    step = EmbeddingProgress(ctx, 100, {"a": 0}, {}).of("a")
    step.log("a word")
    assert isinstance(events[-1], Log)
    step.report(3, 7, "reading something else")
    assert isinstance(events[-1], Progress)
    assert events[-1].total == 7
    ctx.cancel()
    with pytest.raises(Cancelled):
        step.check()


def test_a_study_s_job_never_goes_back_and_ends_at_images_times_networks(
    tmp_path: Path, make_network: Callable, make_faces: Callable
) -> None:
    for number, name in enumerate(("a", "b")):
        make_network(tmp_path / f"{name}.onnx", dimensions=16, seed=number)
    make_faces(tmp_path / "faces", subjects=3, images=4)
    events: list[Event] = []
    with Study.create(tmp_path / "s") as study:
        for name in ("a", "b"):
            study.add_model(tmp_path / f"{name}.onnx")
        study.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext())
        options = EmbedOptions(provider="cpu", batch=4, threads=1)
        embed_study(study, "faces", (), options, JobContext(emit=events.append))
    embedding = [event for event in events if isinstance(event, Progress) and event.what.startswith("embedding")]
    assert {event.total for event in embedding} == {24}
    counts = [event.done for event in embedding]
    assert counts == sorted(counts)
    assert counts[-1] == 24
    assert {event.what for event in embedding} == {
        "embedding with a, network 1 of 2", "embedding with b, network 2 of 2"
    }  # fmt: skip
