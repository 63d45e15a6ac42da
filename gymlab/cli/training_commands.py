"""`gymlab train` and `gymlab watch`: agents decide in scenarios, and what they do is shown while it happens."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gymlab.gym.training import Training

_DEMO = ("cooperate", "selfish", "tit_for_tat", "random", "switch?step=30", "by_context")
Db = Annotated[str | None, typer.Option(help="Database URL [default: gymlab's own]")]


def train(
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="scripted:tit_for_tat, http:URL, openai:MODEL …; may be given several times"
        ),
    ] = None,
    scenarios: Annotated[int, typer.Option(help="Scenarios in a session")] = 100,
    sessions: Annotated[int, typer.Option(help="Sessions for each agent")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of scenarios and scripted agents")] = 0,
    db: Db = None,
    scenario_file: Annotated[
        Path | None, typer.Option(help="YAML or JSON file of scenarios [default: the ten archetypes]")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the training [default: training-SEED]")] = None,
    at_once: Annotated[int, typer.Option(help="Sessions that run side by side")] = 50,
    demo: Annotated[
        bool, typer.Option("--demo", help="Train scripted agents, which needs no key, and write a report")
    ] = False,
) -> None:
    """Let agents decide in scenarios, and store what they do; the same command goes on after an interruption.

    Exit code 1 if a session failed.
    """
    from gymlab.errors import InputError
    from gymlab.gym.agent_specs import FORMS, agent_from_spec
    from gymlab.gym.scenarios import read_scenarios
    from gymlab.gym.training import Training
    from gymlab.runtime import background
    from gymlab.runtime.database import Database

    if demo:
        if agent:
            raise InputError("--demo has agents of its own; leave out --demo or --agent")
        agent, scenarios, sessions, name = [f"scripted:{one}" for one in _DEMO], 60, 5, name or f"demo-{seed}"
    if not agent:
        raise InputError(f"no --agent is given; give one of {', '.join(FORMS)}, or --demo")
    templates = None if scenario_file is None else read_scenarios(scenario_file)
    agents = [agent_from_spec(spec, seed=seed) for spec in agent]
    training = Training(
        agents,
        database := Database(db),
        scenarios=scenarios,
        sessions=sessions,
        seed=seed,
        name=name,
        templates=templates,
        at_once=at_once,
    )
    url = database.engine.url.set(drivername=database.engine.dialect.name)
    start = time.monotonic()

    async def run() -> None:
        shown = asyncio.create_task(_show_progress(training))
        try:
            async with database:
                await training.run()
        finally:
            shown.cancel()
            await asyncio.gather(shown, *(one.aclose() for one in agents), return_exceptions=True)

    background.run(run())
    seconds = time.monotonic() - start
    frame = training.frame()
    place = url.render_as_string(hide_password=True)
    shown = frame[["agent", "done", "failed", "decided", "missing", "entropy_bits"]]
    typer.echo(shown.to_string(index=False, float_format="{:.3f}".format))
    typer.echo(f"{training.stored:,} decisions stored in {seconds:.1f} s as {training.name!r} in {place}")
    for state in training.states:
        if state.cause:
            typer.echo(f"{state.session} failed: {state.cause}", err=True)
    if demo:
        from gymlab.workbench.report import run as report

        # So few repeats that a report of 1,800 actions takes less than a minute.
        few = {"n_surrogates": 49, "n_resamples": 20, "budget_seconds": 2}
        only = {"session": [state.session for state in training.states]}
        source = url.render_as_string(hide_password=False)
        finished = report(source, parameters=only | few, progress=sys.stderr.isatty())
        typer.echo(finished.listing())
    else:
        typer.echo(
            f"what the agents do: gymlab principles '{place}'; a page about it: gymlab report '{place}'"
        )
    if frame["failed"].sum():
        raise SystemExit(1)


def watch(
    db: Db = None,
    once: Annotated[bool, typer.Option("--once", help="Print the state once")] = False,
    seconds: Annotated[float, typer.Option(help="Seconds between two refreshes")] = 1.0,
) -> None:
    """Show what agents do while they are trained: actions, entropy and last pattern of each; Ctrl-C ends it."""
    from gymlab.arguments import finite_number
    from gymlab.gym.watch import Watch
    from gymlab.runtime import background
    from gymlab.runtime.database import Database

    seconds = finite_number("--seconds", seconds, above=0, noun="seconds")

    async def follow() -> None:
        above = 0
        async with Database(db) as database:
            looked = Watch(database)
            while True:
                new = await looked.refresh()
                if new or not above:
                    text = looked.listing()
                    # A terminal shows the new state in the place of the old one.
                    typer.echo(f"\033[{above}F\033[J{text}" if above and sys.stdout.isatty() else text)
                    above = text.count("\n") + 1
                if once:
                    return
                await asyncio.sleep(seconds)

    background.run(follow())


async def _show_progress(training: "Training") -> None:
    """Keep one line on the terminal up to date."""
    while sys.stderr.isatty():
        states = training.states
        done = sum(one.state in ("done", "failed") for one in states)
        decided, missing = sum(one.decided for one in states), sum(one.missing for one in states)
        text = f"{done:,} of {len(states):,} sessions, {decided:,} decisions, {missing:,} missing"
        typer.echo(f"\r{text}", nl=False, err=True)
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            typer.echo(f"\r{' ' * len(text)}\r", nl=False, err=True)
            raise
