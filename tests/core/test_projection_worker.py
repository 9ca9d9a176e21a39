"""UMAP in its own process: the picture tells related spaces from unrelated ones, and the process obeys."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from canon_core.errors import Cancelled, CanonError
from canon_core.jobs import Event, JobContext, Progress
from canon_core.projection import worker_process
from canon_core.projection.joint_layout import JointLayouts
from canon_core.projection.neighbours import exact_neighbours
from canon_core.projection.worker_process import ProjectionWorker, worker_command

COUNT, NEIGHBOURS = 300, 12


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def spaces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A target, an unrelated narrower space of the same people, and what a good map makes of it."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(60, 20))[np.repeat(np.arange(60), 5)]
    latent = latent + 0.5 * rng.normal(size=latent.shape)
    target = unit(latent @ rng.normal(size=(20, 64)))
    raw = unit(latent @ rng.normal(size=(20, 48)))
    return target, raw, unit(target + 0.03 * rng.normal(size=target.shape))


@pytest.fixture(scope="module")
def worker() -> Iterator[ProjectionWorker]:
    with ProjectionWorker() as found:
        yield found


def laid_out(worker: ProjectionWorker, ctx: JobContext | None = None, seed: int = 0) -> JointLayouts:
    return worker.layouts(*spaces(), neighbours=NEIGHBOURS, min_dist=0.1, seed=seed, ctx=ctx or JobContext())


@pytest.fixture(scope="module")
def layouts(worker: ProjectionWorker) -> JointLayouts:
    return laid_out(worker)


def mixed(points: np.ndarray) -> float:
    """Share of target points among the nearest of each source point."""
    _, nearest = cKDTree(points).query(points[COUNT:], k=NEIGHBOURS)
    return float((nearest[:, 1:] < COUNT).mean())


def mixed_in_space(target: np.ndarray, source: np.ndarray) -> float:
    joint = np.zeros((2 * COUNT, target.shape[1]), np.float32)
    joint[:COUNT], joint[COUNT:, : source.shape[1]] = target, source
    nearest, _ = exact_neighbours(joint, NEIGHBOURS)
    return float((nearest[COUNT:, 1:] < COUNT).mean())


def test_unrelated_spaces_are_two_clouds_and_mapped_ones_meet(layouts: JointLayouts):
    target, raw, mapped = spaces()
    assert mixed_in_space(target, raw) < 0.02
    assert mixed_in_space(target, mapped) > 0.4
    assert mixed(layouts.before) < 0.03
    assert mixed(layouts.after) > 0.4
    # Not only apart, point by point: the two clouds have a straight line between them.
    one, other = layouts.before[:COUNT], layouts.before[COUNT:]
    way = np.median(other, axis=0) - np.median(one, axis=0)
    middle = way @ (np.median(other, axis=0) + np.median(one, axis=0)) / 2
    assert ((one @ way < middle).mean() + (other @ way > middle).mean()) / 2 > 0.97


def test_a_mapped_point_lies_near_its_own_image(layouts: JointLayouts):
    after = layouts.after
    radius = np.sqrt(after[:COUNT].var(axis=0).sum())
    assert np.median(np.linalg.norm(after[COUNT:] - after[:COUNT], axis=1)) < 0.1 * radius


def test_no_source_point_flies_out_although_the_sources_graph_falls_apart_among_target_points(
    worker: ProjectionWorker,
):
    """Ten images of each of forty people: a mapped point's neighbours are nearly all target points, and what is left of
    the graph among the sources is pieces of one or two. A point that only sources know belongs to the cloud too."""
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(40, 16))[np.repeat(np.arange(40), 10)]
    target = unit(centres + 0.5 * rng.normal(size=centres.shape))
    mapped = unit(centres + 0.9 * rng.normal(size=centres.shape))
    found = worker.layouts(target, mapped, mapped, neighbours=5, min_dist=0.1, seed=0, ctx=JobContext())
    places = found.after.astype(float)
    own, sources = places[: len(target)], places[len(target) :]
    radius = np.sqrt(own.var(axis=0).sum())
    far, _ = cKDTree(own).query(sources)
    assert (far > 0.5 * radius).mean() < 0.02
    assert far.max() < 1.5 * radius


def test_the_target_hardly_moves(layouts: JointLayouts):
    shift = np.linalg.norm(layouts.after[:COUNT] - layouts.before[:COUNT], axis=1)
    assert np.median(shift) < 0.5 * np.sqrt(layouts.before[:COUNT].var(axis=0).sum())
    assert max(layouts.moved) < 0.5
    assert layouts.before.dtype == layouts.after.dtype == np.float32


def test_one_seed_is_one_picture_and_another_seed_another(worker: ProjectionWorker, layouts: JointLayouts):
    again, other = laid_out(worker), laid_out(worker, seed=1)
    np.testing.assert_array_equal(again.before, layouts.before)
    np.testing.assert_array_equal(again.after, layouts.after)
    assert not np.allclose(other.after, layouts.after, atol=0.1)


def test_it_says_how_far_it_is_and_leaves_nothing_behind(worker: ProjectionWorker, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    modes: list[int] = []
    told: list[Progress] = []

    def listen(event: Event) -> None:
        assert isinstance(event, Progress)
        told.append(event)
        modes.extend(stat.S_IMODE(folder.stat().st_mode) for folder in tmp_path.glob("canon-umap-*"))

    laid_out(worker, JobContext(emit=listen))
    assert set(modes) == {0o700}
    assert [*tmp_path.glob("canon-umap-*")] == []
    stages = list(dict.fromkeys(event.what for event in told))
    assert any("target" in stage for stage in stages)
    assert any("before" in stage for stage in stages)
    assert any("after" in stage for stage in stages)
    assert told[-1].done == told[-1].total


def test_what_goes_wrong_in_the_process_is_told_and_the_process_lives_on(worker: ProjectionWorker):
    target, raw, mapped = spaces()
    with pytest.raises(CanonError, match="UMAP stopped"):
        worker.layouts(target, raw, mapped[:, :7], neighbours=10**6, min_dist=0.1, seed=0, ctx=JobContext())
    before = worker._process
    laid_out(worker)
    assert worker._process is before


def test_cancelling_ends_it_at_once_and_it_can_be_started_anew(worker: ProjectionWorker):
    asked: list[float] = []

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and "before" in event.what and not asked:
            asked.append(time.monotonic())
            context.cancel()

    context = JobContext(emit=cancel)
    with pytest.raises(Cancelled):
        laid_out(worker, context)
    assert time.monotonic() - asked[0] < 1.0
    ended = worker._process
    assert ended is not None
    assert ended.wait(1.0) != 0
    worker.warm()
    assert worker._process is not None
    assert worker._process is not ended
    assert worker._process.poll() is None


def test_a_process_that_cannot_start_is_told_with_its_last_words(monkeypatch):
    monkeypatch.setattr(worker_process, "_MODULE", "canon_core.projection.missing")
    with ProjectionWorker() as broken, pytest.raises(CanonError, match=r"ended early.*No module named"):
        laid_out(broken)


def test_it_ends_when_its_standard_input_closes_and_deletes_its_folder(tmp_path: Path):
    folder = tmp_path / "private"
    folder.mkdir()
    process = subprocess.Popen(
        worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=worker_process._environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"folder": str(folder), "neighbours": 5, "min_dist": 0.1, "seed": 0}) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["what"] == "UMAP: getting ready"  # it is importing
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    assert not folder.exists()


def test_a_closed_worker_starts_no_process_again():
    closed = ProjectionWorker()
    closed.close()
    closed.warm()
    assert closed._process is None
    with pytest.raises(CanonError, match="closed"):
        laid_out(closed)


def test_a_frozen_program_calls_itself(monkeypatch):
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert worker_command()[1:] == [worker_process.WORKER_SWITCH]
    assert os.path.isabs(worker_command()[0])
