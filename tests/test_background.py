"""Coroutines for synchronous callers: one loop for all, inside a running loop too, and interrupts that clean up."""

import asyncio
import contextvars
import signal
import subprocess
import sys
import threading

import pytest

from gymlab.errors import InputError
from gymlab.runtime import background


async def answer():
    await asyncio.sleep(0)
    return 42


async def the_loop():
    return asyncio.get_running_loop()


def test_the_result_comes_back():
    assert background.run(answer()) == 42


def test_it_works_inside_a_running_event_loop():
    async def cell():
        return background.run(answer())

    assert asyncio.run(cell()) == 42


def test_an_error_is_raised_with_its_type_and_traceback():
    async def fails():
        raise LookupError("this one")

    with pytest.raises(LookupError, match="this one") as caught:
        background.run(fails())
    assert any(entry.name == "fails" for entry in caught.traceback)


def test_a_coroutine_that_was_cancelled_says_so():
    async def cancels_itself():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        background.run(cancels_itself())


def test_an_exit_reaches_the_caller_and_the_loop_goes_on():
    async def leaves():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        background.run(leaves())
    assert background.run(answer()) == 42


def test_all_threads_share_one_loop():
    barrier = threading.Barrier(8)
    loops = []

    def call():
        barrier.wait()
        loops.append(background.run(the_loop()))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 8
    assert len(set(loops)) == 1
    assert sum(thread.name == "gymlab-background" for thread in threading.enumerate()) == 1


def test_calls_from_several_threads_run_side_by_side():
    async def meet(mine, other):
        mine.set()
        await other.wait()

    first, second = asyncio.Event(), asyncio.Event()
    threads = [
        threading.Thread(target=background.run, args=(meet(first, second),)),
        threading.Thread(target=background.run, args=(meet(second, first),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)


def test_context_variables_of_the_caller_are_seen():
    who = contextvars.ContextVar("who", default="nobody")

    async def ask():
        return who.get()

    token = who.set("ada")
    assert background.run(ask()) == "ada"
    who.reset(token)


def test_an_interrupt_cancels_and_waits_for_the_cleaning_up():
    events = []

    async def works():
        try:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            events.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        background.run(works())
    assert events == ["cleaned up"]
    assert background.run(answer()) == 42


def test_a_coroutine_on_the_background_loop_is_told_to_await():
    async def calls_run():
        background.run(answer())

    with pytest.raises(InputError, match="await"):
        background.run(calls_run())


@pytest.mark.parametrize("thing", [answer, 42])
def test_what_is_no_coroutine_is_refused(thing):
    with pytest.raises(InputError, match="coroutine"):
        background.run(thing)


def test_a_coroutine_that_has_run_is_refused():
    coroutine = answer()
    background.run(coroutine)
    with pytest.raises(InputError, match="has run before"):
        background.run(coroutine)


def test_the_process_ends_quietly_even_with_work_left_behind():
    code = (
        "import asyncio\n"
        "from gymlab.runtime.background import run\n"
        "async def leave():\n"
        "    asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(3600))\n"
        "    await asyncio.to_thread(len, [])\n"
        "run(leave())\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
