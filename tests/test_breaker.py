"""The circuit breaker: against a plain model of its states, a clock that tests move, and a server that fails and hangs."""

import asyncio
import gc
import math
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gymlab import CircuitBreaker, events
from gymlab.errors import BreakerOpenError, InputError
from gymlab.runtime.breaker import full_jitter


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def changes():
    """Every change of any breaker, as (before, after, delay)."""
    seen = []
    unsubscribe = events.subscribe(lambda event: seen.append((event.before, event.after, event.delay_s)))
    yield seen
    unsubscribe()


def broken():
    raise OSError("the service is down")


def fail(breaker, times=1):
    for _ in range(times):
        with pytest.raises(OSError, match="the service is down"):
            breaker.call(broken)


def exact(cap):
    """No jitter."""
    return cap


def is_refused(breaker):
    try:
        breaker.call(lambda: None)
    except BreakerOpenError:
        return True
    return False


# --- states ----------------------------------------------------------------------------------------------------------


def test_failures_in_a_row_open_it_and_a_success_starts_the_count_anew(clock):
    breaker = CircuitBreaker("db", failure_threshold=3, clock=clock)
    fail(breaker, 2)
    assert breaker.call(lambda: 5) == 5
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"
    with pytest.raises(BreakerOpenError, match="breaker 'db' is open") as refused:
        breaker.call(broken)
    assert refused.value.name == "db"
    stats = breaker.stats()
    assert (stats.state, stats.calls, stats.failures, stats.refused, stats.opened) == ("open", 6, 5, 1, 1)


def test_failures_among_the_last_calls_open_it(clock):
    breaker = CircuitBreaker(failure_threshold=3, window=5, clock=clock)
    for failed in (True, False, True, False, False, True, False, True):
        assert breaker.state == "closed"
        fail(breaker) if failed else breaker.call(int)
    # True False False True False True is three of six, but two of the last five until now.
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"


def test_a_share_of_failures_opens_it_once_there_are_enough_calls(clock):
    breaker = CircuitBreaker(failure_threshold=0.5, window=4, clock=clock)
    fail(breaker, 3)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"
    breaker.close()
    for failed in (False, True, False, False, True):
        fail(breaker) if failed else breaker.call(int)
    assert breaker.state == "open"


def test_probes_follow_the_backoff_exactly(clock, changes):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=2, max_delay=30, jitter=exact, clock=clock)
    fail(breaker)
    for delay in (2, 4, 8, 16, 30, 30, 30):
        assert changes[-1] == (changes[-1][0], "open", delay)
        clock.now += delay - 0.001
        with pytest.raises(BreakerOpenError) as refused:
            breaker.call(broken)
        assert refused.value.retry_after == pytest.approx(0.001)
        clock.now += 0.001
        fail(breaker)
    clock.now += 30
    assert breaker.call(lambda: "well") == "well"
    assert breaker.state == "closed"
    # After a recovery the delays begin anew.
    fail(breaker)
    assert changes[-1] == ("closed", "open", 2)


def test_the_delay_of_a_service_that_never_recovers_stays_finite(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1e-3, max_delay=1e9, jitter=exact, clock=clock)
    for _ in range(1500):
        fail(breaker)
        clock.now += 1e9
    assert breaker.stats().opened == 1500


def test_full_jitter_lies_between_nothing_and_the_cap():
    drawn = [full_jitter(8.0) for _ in range(2000)]
    assert 0 <= min(drawn) < 0.1
    assert 7.9 < max(drawn) <= 8
    assert 3.6 < sum(drawn) / len(drawn) < 4.4


@pytest.mark.parametrize("wrong", [-5.0, 1e12])
def test_a_jitter_cannot_leave_its_range(clock, wrong):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=2, jitter=lambda _: wrong, clock=clock)
    fail(breaker)
    clock.now += 2
    assert not is_refused(breaker)


def test_one_call_at_a_time_probes(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1, jitter=exact, clock=clock)
    fail(breaker)
    clock.now += 1
    with breaker.guard():
        assert breaker.state == "half_open"
        with pytest.raises(BreakerOpenError, match="try again later") as refused:
            breaker.call(int)
        assert refused.value.retry_after == math.inf
    assert breaker.state == "closed"


def test_a_probe_that_is_cancelled_leaves_the_next_call_to_probe(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1, jitter=exact, clock=clock)
    fail(breaker)
    clock.now += 1
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert breaker.state == "half_open"
    fail(breaker)
    assert breaker.state == "open"
    assert breaker.stats().failures == 2


def test_what_began_before_the_state_changed_does_not_count(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1, jitter=exact, clock=clock)
    late_success, late_failure = breaker.guard(), breaker.guard()
    late_success.__enter__()
    late_failure.__enter__()
    fail(breaker)
    late_success.__exit__(None, None, None)
    assert breaker.state == "open"
    breaker.close()
    assert late_failure.__exit__(OSError, OSError("late"), None) is False
    assert breaker.state == "closed"


def test_errors_that_show_a_working_service_count_as_success(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1, ignore=(KeyError,), jitter=exact, clock=clock)
    with pytest.raises(KeyError):
        breaker.call({}.__getitem__, "absent")
    assert breaker.state == "closed"
    fail(breaker)
    clock.now += 1
    with pytest.raises(KeyError):
        breaker.call({}.__getitem__, "absent")
    assert breaker.state == "closed"


def test_by_hand_it_opens_for_good_and_closes(clock, changes):
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.open()
    clock.now += 1e9
    assert is_refused(breaker)
    breaker.open()
    breaker.close()
    assert not is_refused(breaker)
    assert changes == [("closed", "open", math.inf), ("open", "closed", 0.0)]


class Model:
    """The same in plain words: failures in a row, exact delays, no health check."""

    def __init__(self, threshold, base, most):
        self.threshold, self.base, self.most = threshold, base, most
        self.state, self.failures, self.trips, self.until = "closed", 0, 0, None

    def call(self, now, fails):
        """Return whether the call is let through."""
        if self.state == "open":
            if now < self.until:
                return False
            self.state = "half_open"
        if not fails:
            self.state, self.failures, self.trips = "closed", 0, 0
            return True
        self.failures += 1
        if self.state == "half_open" or self.failures >= self.threshold:
            self.until = now + min(self.most, self.base * 2**self.trips)
            self.trips += 1
            self.state = "open"
        return True


@given(
    threshold=st.integers(1, 4),
    base=st.integers(1, 4),
    steps=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_it_does_what_the_plain_model_does(threshold, base, steps):
    clock = Clock()
    breaker = CircuitBreaker("x", threshold, base, 10, jitter=exact, clock=clock)
    model = Model(threshold, base, 10)
    for seconds, fails in steps:
        clock.now += seconds
        expected = model.call(clock.now, fails)
        try:
            breaker.call(broken if fails else int)
            found = True
        except OSError:
            found = True
        except BreakerOpenError:
            found = False
        assert (found, breaker.state) == (expected, model.state)


# --- ways to call ----------------------------------------------------------------------------------------------------


def test_functions_and_coroutine_functions_are_decorated():
    breaker = CircuitBreaker(failure_threshold=1)

    @breaker
    def double(x, *, more=0):
        """Twice."""
        return 2 * x + more

    @breaker
    async def triple(x):
        await asyncio.sleep(0)
        return 3 * x

    assert double(2, more=1) == 5
    assert double.__doc__ == "Twice."
    assert asyncio.run(triple(2)) == 6
    breaker.open()
    for call in (lambda: double(2), lambda: asyncio.run(triple(2))):
        with pytest.raises(BreakerOpenError):
            call()


def test_a_coroutine_function_is_not_called_as_a_function():
    async def answer():
        return 42

    breaker = CircuitBreaker()
    with pytest.raises(InputError, match="await call_async instead"):
        breaker.call(answer)
    assert asyncio.run(breaker.call_async(answer)) == 42


def test_a_call_that_takes_too_long_fails():
    breaker = CircuitBreaker("slow", failure_threshold=2, timeout=0.05)
    released = threading.Event()
    with pytest.raises(TimeoutError):
        breaker.call(released.wait, 30)

    async def hang():
        with breaker.guard():
            pass
        await breaker.call_async(asyncio.sleep, 30)

    assert [thread.name for thread in threading.enumerate() if "slow" in thread.name] == [
        "call of breaker slow"
    ]
    with pytest.raises(TimeoutError):
        asyncio.run(hang())
    assert breaker.stats().failures == 2
    released.set()
    while any("slow" in thread.name for thread in threading.enumerate()):
        time.sleep(0.001)


def test_a_cancelled_call_counts_as_nothing(clock):
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    async def cancelled():
        task = asyncio.create_task(breaker.call_async(asyncio.sleep, 30))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert (breaker.state, breaker.stats().failures) == ("closed", 0)


def test_no_lock_is_held_while_a_call_runs():
    breaker = CircuitBreaker()
    inside, go_on = threading.Event(), threading.Event()

    def slow():
        inside.set()
        assert go_on.wait(10)

    worker = threading.Thread(target=breaker.call, args=(slow,))
    worker.start()
    assert inside.wait(10)
    assert breaker.call(lambda: breaker.call(int)) == 0
    go_on.set()
    worker.join()
    assert breaker.stats().calls == 3


def test_eight_threads_never_pass_an_open_breaker(clock):
    breaker = CircuitBreaker(failure_threshold=1, base_delay=1, jitter=exact, clock=clock)
    passed = []

    def work():
        for _ in range(500):
            try:
                breaker.call(lambda: passed.append(breaker.state))
            except BreakerOpenError:
                continue

    for moment in ("open", "due"):
        fail(breaker)
        clock.now += moment == "due"
        before = len(passed)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if moment == "open":
            assert len(passed) == before
            clock.now += 1
            breaker.call(int)
    # One probe closed it, and every call after the probe was let through.
    assert passed.count("half_open") == 1


def test_what_a_listener_does_wrong_harms_no_call(clock, caplog):
    unsubscribe = events.subscribe(lambda _: 1 / 0)
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    fail(breaker)
    unsubscribe()
    unsubscribe()
    assert breaker.state == "open"
    assert "a listener failed" in caplog.text


def test_a_listener_that_subscribed_twice_ends_one_subscription(clock):
    seen = []
    first, second = events.subscribe(seen.append), events.subscribe(seen.append)
    first()
    CircuitBreaker(clock=clock).open()
    assert len(seen) == 1
    second()


# --- health checks ---------------------------------------------------------------------------------------------------


def test_a_health_check_decides_when_calls_may_probe(clock, changes):
    """The background thread may check first: the state afterwards is the same."""
    answers = [False]

    def healthy():
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return answers[-1]

    breaker = CircuitBreaker(
        failure_threshold=1, base_delay=600, max_delay=9999, jitter=exact, health_check=healthy, clock=clock
    )
    fail(breaker)
    assert breaker.check_health() is False
    for delay, answer in ((600, False), (1200, OSError("down"))):
        answers.append(answer)
        clock.now += delay
        assert is_refused(breaker)
        assert breaker.check_health() is False
        assert breaker.state == "open"
    answers.append(True)
    clock.now += 2400
    breaker.check_health()
    assert breaker.state == "half_open"
    fail(breaker)
    assert changes[-1] == ("half_open", "open", 4800)
    breaker.close()


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_health_is_checked_in_the_background_and_the_thread_ends(kind):
    asked = []

    def healthy():
        asked.append(threading.current_thread().name)
        return len(asked) == 3

    async def healthy_async():
        return healthy()

    breaker = CircuitBreaker(
        "watched",
        failure_threshold=1,
        base_delay=0.001,
        max_delay=0.002,
        health_check=healthy if kind == "function" else healthy_async,
    )
    fail(breaker)
    until = time.monotonic() + 10
    while breaker.state != "half_open" and time.monotonic() < until:
        time.sleep(0.001)
    assert len(asked) == 3
    assert not is_refused(breaker)
    while any(thread.name == "breaker watched" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.001)


def test_a_breaker_that_nobody_uses_leaves_nothing_behind():
    breaker = CircuitBreaker(
        "forgotten", failure_threshold=1, base_delay=0.01, max_delay=0.01, health_check=lambda: False
    )
    fail(breaker)
    gone = weakref.ref(breaker)
    del breaker
    until = time.monotonic() + 10
    while gone() is not None or any(thread.name == "breaker forgotten" for thread in threading.enumerate()):
        assert time.monotonic() < until
        gc.collect()
        time.sleep(0.001)


# --- a server --------------------------------------------------------------------------------------------------------


class Server:
    """A server on this machine that answers, refuses or hangs, and counts who connects."""

    def __init__(self):
        self.mood, self.connections = "well", 0
        self.hanging, self.released = [], asyncio.Event()

    async def __call__(self, reader, writer):
        self.connections += 1
        await reader.readline()
        if self.mood == "well":
            writer.write(b"fine\n")
        if self.mood == "hangs":
            self.hanging.append(asyncio.current_task())
            await self.released.wait()
        writer.close()
        await writer.wait_closed()


def test_a_server_that_fails_hangs_and_recovers_is_left_alone_in_between(clock):
    async def ask(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"how are you\n")
            await writer.drain()
            answer = await reader.readline()
            if not answer:
                raise ConnectionError("no answer")
            return answer
        finally:
            writer.close()
            await writer.wait_closed()

    async def tell():
        server = Server()
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        breaker = CircuitBreaker(
            "server", failure_threshold=3, base_delay=1, timeout=0.1, jitter=exact, clock=clock
        )
        assert await breaker.call_async(ask, port) == b"fine\n"
        server.mood = "fails"
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await breaker.call_async(ask, port)
        reached = server.connections
        for _ in range(50):
            with pytest.raises(BreakerOpenError):
                await breaker.call_async(ask, port)
        assert server.connections == reached
        server.mood = "hangs"
        clock.now += 1
        probes = await asyncio.gather(
            *(breaker.call_async(ask, port) for _ in range(20)), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in probes) == ["BreakerOpenError"] * 19 + ["TimeoutError"]
        assert server.connections == reached + 1
        server.mood = "well"
        clock.now += 1.9
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(ask, port)
        clock.now += 0.1
        assert await breaker.call_async(ask, port) == b"fine\n"
        assert breaker.state == "closed"
        server.released.set()
        await asyncio.gather(*server.hanging)
        listening.close()
        await listening.wait_closed()

    asyncio.run(tell())


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"failure_threshold": 0}, "failure_threshold of breaker 'x' is 0; give a whole number"),
        ({"failure_threshold": 2.5}, "failure_threshold of breaker 'x' is 2.5"),
        ({"failure_threshold": 0.5}, "is 0.5, a share; give window"),
        ({"failure_threshold": 9, "window": 5}, "a whole number from 1 to 5, or a share below 1"),
        ({"window": 0}, "window of breaker 'x' is 0"),
        ({"base_delay": 0}, "base_delay of breaker 'x' is 0; give seconds above 0"),
        ({"base_delay": 9, "max_delay": 5}, "max_delay of breaker 'x' is 5; give seconds of 9 or more"),
        ({"timeout": -1}, "timeout of breaker 'x' is -1"),
        ({"health_check": 5}, "health_check of breaker 'x' is 5"),
        ({"jitter": None}, "jitter of breaker 'x' is None"),
        ({"clock": 5}, "clock of breaker 'x' is 5"),
        ({"ignore": ("x",)}, "ignore of breaker 'x' is ('x',); give a tuple of error classes"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError) as caught:
        CircuitBreaker("x", **arguments)
    assert message in str(caught.value)


def test_its_repr_says_its_state():
    breaker = CircuitBreaker("redis")
    assert repr(breaker) == "CircuitBreaker('redis', state='closed')"
