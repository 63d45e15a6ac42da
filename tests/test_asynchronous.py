"""Extraction beside an event loop: which thread reports, what cancelling leaves behind, that the loop goes on."""

import asyncio
import threading

import numpy as np
import pytest
from made import rhythms

import gymlab
from gymlab.clustering import matrix_cache
from gymlab.errors import InputError
from gymlab.patterns import asynchronous, pipeline

FEW = gymlab.ExtractionConfig(window=10, hop=5)
DENSE = gymlab.ExtractionConfig(window=20, hop=1)


def test_it_finds_what_the_synchronous_call_finds():
    log = rhythms(2)
    there = gymlab.extract_patterns(log, FEW)
    here = asyncio.run(gymlab.extract_patterns_async(log, FEW))
    np.testing.assert_array_equal(here.labels, there.labels)
    np.testing.assert_array_equal(here.distances, there.distances)


def test_progress_is_heard_in_the_loops_thread_stage_by_stage():
    heard = []

    async def main():
        def progress(stage, fraction):
            heard.append((threading.current_thread(), stage, fraction))

        await gymlab.extract_patterns_async(rhythms(4), FEW, progress)
        return threading.current_thread()

    thread = asyncio.run(main())
    assert {one[0] for one in heard} == {thread}
    stages = [stage for _, stage, _ in heard]
    assert list(dict.fromkeys(stages)) == ["encode", "distances", "cluster", "significance", "describe"]
    for stage in set(stages):
        fractions = [fraction for _, one, fraction in heard if one == stage]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_cancelling_ends_the_work_before_the_task_ends(monkeypatch):
    running = threading.Event()
    ended = threading.Event()
    whole = pipeline.run_extraction

    def watched(*arguments, **more):
        running.set()
        try:
            return whole(*arguments, **more)
        finally:
            ended.set()

    monkeypatch.setattr(asynchronous, "run_extraction", watched)
    seen = []

    async def main():
        computing = asyncio.Event()

        def progress(stage, fraction):
            seen.append((stage, fraction))
            if stage == "distances":
                computing.set()

        task = asyncio.create_task(gymlab.extract_patterns_async(rhythms(60, length=80), DENSE, progress))
        await computing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
        return len(seen)

    heard = asyncio.run(main())
    assert running.is_set()
    assert not any(stage == "describe" for stage, _ in seen)
    assert len(seen) == heard
    assert not [one for one in threading.enumerate() if one.name.startswith("gymlab-dtw")]


def test_work_that_was_cancelled_before_it_began_leaves_nothing():
    async def main():
        task = asyncio.create_task(gymlab.extract_patterns_async(rhythms(2), FEW))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_what_progress_raises_stops_the_work_and_is_raised():
    def progress(stage, _fraction):
        if stage == "distances":
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        asyncio.run(gymlab.extract_patterns_async(rhythms(60, length=80), DENSE, progress))


def test_errors_of_the_input_reach_the_caller():
    config = gymlab.ExtractionConfig(window=10, hop=5, n_clusters=1000)
    with pytest.raises(InputError, match="n_clusters is 1,000"):
        asyncio.run(gymlab.extract_patterns_async(rhythms(2), config))


def test_two_extractions_run_side_by_side_in_one_loop():
    async def main():
        logs = (rhythms(2), rhythms(2, seed=1))
        return logs, await asyncio.gather(*(gymlab.extract_patterns_async(log, FEW) for log in logs))

    logs, found = asyncio.run(main())
    for log, one in zip(logs, found, strict=True):
        np.testing.assert_array_equal(one.labels, gymlab.extract_patterns(log, FEW).labels)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "hdbscan"},
        {"method": "dbscan"},
        {"method": "kmedoids", "n_clusters": 3},
        {"strategy": "sampled", "sample_size": 50},
        {"strategy": "selective"},
        {"strategy": "baseline"},
    ],
)
def test_every_way_can_be_stopped_while_it_clusters(fields):
    class StoppedError(Exception):
        pass

    def run(limit):
        """Stop at a checkpoint; return how many there were."""
        calls = 0

        def checkpoint(*_cells):
            nonlocal calls
            calls += 1
            if calls > limit:
                raise StoppedError

        matrix_cache().clear()
        pipeline.run_extraction(log, config, progress=checkpoint, checkpoint=checkpoint)
        return calls

    config = gymlab.ExtractionConfig(window=10, hop=5, **fields)
    log = rhythms(3)
    most = run(np.inf)
    assert most > 5
    for limit in {2, most // 2, most - 1}:
        with pytest.raises(StoppedError):
            run(limit)


def test_a_cancelled_extraction_takes_no_other_of_the_same_log_with_it():
    log = rhythms(60, length=80)

    async def main():
        computing = asyncio.Event()

        def progress(stage, _fraction):
            if stage == "distances":
                computing.set()

        first = asyncio.create_task(gymlab.extract_patterns_async(log, DENSE, progress))
        await computing.wait()
        second = asyncio.create_task(gymlab.extract_patterns_async(log, DENSE))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(main()).patterns
