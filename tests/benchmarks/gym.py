"""What a decision over HTTP takes beyond the bare client, in turns in one run, against a server in another process.

python tests/benchmarks/gym.py

Both post the same request over one kept connection and read the JSON of the answer. The agent also makes the request,
passes the semaphore, the breaker and the timeout, limits the body, and turns the answer into a decision. Beside it: the
decisions per second of a scripted agent, and scenarios per second.
"""

import asyncio
import multiprocessing
import sys
import time
from pathlib import Path

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from agent_server import AgentServer

from gymlab.gym.agent_specs import agent_from_spec
from gymlab.gym.answers import request_of
from gymlab.gym.decisions import Decision, Turn
from gymlab.gym.scenarios import scenarios

ROUNDS, PER_ROUND, WARM_UP = 40, 50, 50


def serve(pipe):
    async def forever():
        async with AgentServer(answer={"choice": 1, "reasoning": "fair", "confidence": 0.9}) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(forever())


def row(name, milliseconds):
    middle, tail = np.percentile(milliseconds, [50, 99])
    print(f"  {name:12} p50 {middle:7.3f} ms   p99 {tail:7.3f} ms")
    return middle, tail


async def compare(url, drawn, history):
    """Time bare requests and decisions in turns, and print both."""
    agent = agent_from_spec(f"http:{url}/decide", seed=0)
    request = request_of(drawn[0], history)
    taken = {"bare client": [], "agent": []}
    async with httpx.AsyncClient() as client:

        async def bare(_):
            response = await client.post(f"{url}/decide", json=request)
            response.raise_for_status()
            assert response.json()["choice"] == 1

        async def decide(scenario):
            decision = await agent.decide(scenario, history)
            assert decision.choice == scenario.choices[0].name

        jobs = {"bare client": bare, "agent": decide}
        for number in range(-1, ROUNDS):
            for name in sorted(jobs, reverse=number % 2 == 1):
                for scenario in drawn[: WARM_UP if number < 0 else PER_ROUND]:
                    start = time.perf_counter()
                    await jobs[name](scenario)
                    if number >= 0:
                        taken[name].append((time.perf_counter() - start) * 1000)
    await agent.aclose()
    print(f"history of {len(history)} turns, {ROUNDS * PER_ROUND:,} requests each")
    (bare_middle, bare_tail), (middle, tail) = (row(name, taken[name]) for name in taken)
    print(f"  {'overhead':12} p50 {middle - bare_middle:7.3f} ms   p99 {tail - bare_tail:7.3f} ms")


async def scripted(n):
    agent = agent_from_spec("scripted:tit_for_tat", seed=0)
    start = time.perf_counter()
    drawn = list(scenarios(n, 1))
    drew = time.perf_counter() - start
    start = time.perf_counter()
    for scenario in drawn:
        await agent.decide(scenario, ())
    print(
        f"scripted agent: {n / (time.perf_counter() - start):,.0f} decisions/s; {n / drew:,.0f} scenarios/s"
    )


def main():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
    server.start()
    url = receiver.recv()
    drawn = list(scenarios(max(PER_ROUND, WARM_UP), 1))
    turns = [Turn(scenario, Decision(choice=scenario.choices[0].name)) for scenario in drawn[:20]]
    try:
        for history in ([], turns):
            asyncio.run(compare(url, drawn, history))
        asyncio.run(scripted(50_000))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
