"""Small made logs for tests."""

import numpy as np

from gymlab.actions import frame_from_records


def action(step, action_type, *, agent="a", session="s", **more):
    return {
        "session_id": session,
        "agent_id": agent,
        "step": step,
        "actor": "agent",
        "action_type": action_type,
        "target": "other",
        "relationship_type": "neutral",
        "decision_context": "",
        **more,
    }


def rhythms(sessions=6, length=40, seed=0):
    """Agents with a rhythm of their own: one alternates, one repeats, one acts at random."""
    rng = np.random.default_rng(seed)
    records = []
    for session in range(sessions):
        choices = {
            "alternates": ["ab"[step % 2] for step in range(length)],
            "repeats": ["c"] * length,
            "random": ["abc"[k] for k in rng.integers(3, size=length)],
        }
        records += [
            action(step, choice, agent=agent, session=f"s{session}")
            for agent, chosen in choices.items()
            for step, choice in enumerate(chosen)
        ]
    return frame_from_records(records)


def rules(n_agents=3, sessions=3, length=60, seed=0):
    """Agents that answer a random counterpart, with impacts and outcomes, enough for a small report."""
    rng = np.random.default_rng(seed)
    records = []
    for index in range(n_agents):
        for session in range(sessions):
            other = "start"
            for step in range(length):
                choice = (
                    ("give" if other in ("start", "give") else "take")
                    if index
                    else ["give", "take"][step % 2]
                )
                records.append(
                    action(
                        step,
                        choice,
                        agent=f"agent-{index}",
                        session=f"session-{session}",
                        decision_context=other,
                        impact=0.5 if choice == "give" else -0.5,
                        outcome_valence=round(float(rng.uniform(-1, 1)), 3),
                    )
                )
                other = ["give", "take"][int(rng.integers(2))]
    return frame_from_records(records)


def chain(rng, length, n_states, stay):
    """A chain that repeats its state with a probability, and else goes to another one; 1/n_states is memoryless."""
    states = [int(rng.integers(n_states))]
    while len(states) < length:
        other = (states[-1] + 1 + int(rng.integers(n_states - 1))) % n_states
        states.append(states[-1] if rng.random() < stay else other)
    return states


def unrelated(seed, *, stay, length=200, n_agents=1, n_choices=2, n_contexts=2):
    """Agents whose choices have nothing to do with their contexts; both may persist."""
    rng = np.random.default_rng(seed)
    records = []
    for agent in range(n_agents):
        choices = chain(rng, length, n_choices, stay)
        contexts = chain(rng, length, n_contexts, stay)
        records += [
            action(step, f"choice {choice}", agent=f"agent {agent}", decision_context=f"context {context}")
            for step, (choice, context) in enumerate(zip(choices, contexts, strict=True))
        ]
    return frame_from_records(records)


def reacting(seed, *, sessions, length):
    """A coin against a counterpart that answers what the agent did two steps ago: no rule of the agent."""
    rng = np.random.default_rng(seed)
    records = []
    for session in range(sessions):
        tosses = ["heads" if rng.random() < 0.5 else "tails" for _ in range(length)]
        records += [
            action(step, toss, session=f"s{session}", other_last="" if step < 2 else tosses[step - 2])
            for step, toss in enumerate(tosses)
        ]
    return frame_from_records(records)
