"""The entropy of each agent of a stream, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial

from gymlab.arguments import boolean
from gymlab.entropy.conditional import ConditionalEntropy
from gymlab.entropy.event_time import TimedConditionalEntropy, TimedEntropy, Timestamp
from gymlab.entropy.incremental import IncrementalEntropy
from gymlab.entropy.tally import Correction, checked_size, is_known, require_value
from gymlab.errors import InputError
from gymlab.renamed import renamed_argument

AnyEntropy = IncrementalEntropy | ConditionalEntropy | TimedEntropy | TimedConditionalEntropy


class AgentEntropies:
    """Entropies of the agents that were active most recently, one for each agent.

    Parameters
    ----------
    max_agents
        How many agents are remembered. One more agent replaces the one that has been inactive the longest. A
        forgotten agent that comes back starts without actions.
    window, seconds
        Which actions of an agent count: its latest ``window`` actions, or those of its last ``seconds``. Give at most
        one of the two. If neither is given, all actions count that came after the agent was last forgotten.
    n_action_types
        How many action types an agent can choose from, as for :class:`IncrementalEntropy`. ``n_intents`` is the
        old name.
    given_situation
        Measure the entropy of the action type given the situation. Then every action needs a situation.
    correction
        As for :class:`IncrementalEntropy` or :class:`ConditionalEntropy`.

    Raises
    ------
    InputError
        If a size is not positive, both a window and seconds are given, or the correction is not known.

    Examples
    --------
    >>> entropies = AgentEntropies(max_agents=2, window=100, n_action_types=2)
    >>> for agent, action_type in [("ada", "share"), ("bob", "take"), ("bob", "share"), ("cyd", "take")]:
    ...     entropies.add(agent, action_type)
    >>> entropies.get_entropies()
    {'bob': 1.0, 'cyd': 0.0}
    >>> entropies.n_evicted, entropies.notes
    (1, ('1 time an agent was forgotten to stay within 2 agents; raise max_agents to keep more',))
    """

    @renamed_argument("n_intents", "n_action_types")
    def __init__(
        self,
        max_agents: int,
        *,
        window: int | None = None,
        seconds: float | None = None,
        n_action_types: int | None = None,
        given_situation: bool = False,
        correction: Correction | None = None,
    ) -> None:
        size = checked_size("max_agents", max_agents)
        if size is None:
            raise InputError("max_agents must be a positive integer; without one, memory would have no bound")
        if window is not None and seconds is not None:
            raise InputError(f"give window={window} or seconds={seconds}, not both")
        self._max_agents = size
        self._given_situation = boolean("given_situation", given_situation)
        kind: Callable[..., AnyEntropy] = ConditionalEntropy if self._given_situation else IncrementalEntropy
        if seconds is not None:
            kind = TimedConditionalEntropy if self._given_situation else TimedEntropy
        span = window if seconds is None else seconds
        self._new_entropy = partial(kind, span, n_action_types, correction=correction)
        # The least recently active agent is first.
        self._entropies: OrderedDict[Hashable, AnyEntropy] = OrderedDict()
        self._n_evicted = 0
        self._new_entropy()  # raises for unusable parameters now, not at the first action

    def add(
        self,
        agent_id: Hashable,
        action_type: Hashable,
        situation: Hashable = None,
        timestamp: Timestamp | None = None,
    ) -> None:
        """Add an action of an agent. The agent is then the most recently active one.

        Parameters
        ----------
        agent_id, action_type
            Anything hashable that is not missing.
        situation
            Needed with ``given_situation``, and refused without it.
        timestamp
            Needed with ``seconds``, as for :class:`TimedEntropy`; ignored without ``seconds``.

        Raises
        ------
        InputError
            If an argument is missing or not hashable, or there would be more than ``n_action_types`` distinct action
            types. Then nothing changes, and no agent is forgotten.

        Examples
        --------
        >>> entropies = AgentEntropies(max_agents=100, seconds=60, given_situation=True)
        >>> entropies.add("ada", "share", situation="ally", timestamp=0.0)
        >>> len(entropies)
        1
        """
        known = is_known(agent_id, self._entropies)
        if not known:
            require_value(agent_id)
        if situation is not None and not self._given_situation:
            raise InputError("a situation counts only with given_situation=True")
        entropy = self._entropies[agent_id] if known else self._new_entropy()
        if isinstance(entropy, IncrementalEntropy):
            entropy.add(action_type)
        elif isinstance(entropy, ConditionalEntropy):
            entropy.add(situation, action_type)
        elif timestamp is None:
            raise InputError("with a window of seconds, every action needs its timestamp")
        elif isinstance(entropy, TimedEntropy):
            entropy.add(action_type, timestamp)
        else:
            entropy.add(situation, action_type, timestamp)
        self._entropies[agent_id] = entropy
        self._entropies.move_to_end(agent_id)
        if len(self._entropies) > self._max_agents:
            self._entropies.popitem(last=False)
            self._n_evicted += 1

    def get_entropy(self, agent_id: Hashable, now: Timestamp | None = None) -> float:
        """Return the normalised entropy of an agent, from 0 to 1; with ``seconds``, at the time ``now``.

        Raises
        ------
        InputError
            If the agent was never active or is forgotten.

        Examples
        --------
        >>> entropies = AgentEntropies(max_agents=10)
        >>> entropies.add("ada", "share")
        >>> entropies.get_entropy("ada")
        0.0
        """
        if not is_known(agent_id, self._entropies):
            raise InputError(
                f"{agent_id!r} is not among the {len(self)} agents that were active last "
                f"(max_agents is {self._max_agents})"
            )
        return _read(self._entropies[agent_id], now)

    def get_entropies(self, now: Timestamp | None = None) -> dict[Hashable, float]:
        """Return the normalised entropy of every agent remembered, the least recently active first.

        Examples
        --------
        >>> entropies = AgentEntropies(max_agents=10, seconds=5)
        >>> entropies.add("ada", "share", timestamp=0)
        >>> entropies.add("ada", "take", timestamp=1)
        >>> entropies.get_entropies(now=5)
        {'ada': 0.0}
        """
        return {agent: _read(entropy, now) for agent, entropy in self._entropies.items()}

    def __len__(self) -> int:
        """Return how many agents are remembered."""
        return len(self._entropies)

    def __contains__(self, agent_id: object) -> bool:
        """Return whether an agent is remembered."""
        return isinstance(agent_id, Hashable) and is_known(agent_id, self._entropies)

    @property
    def n_evicted(self) -> int:
        """How many times an agent was forgotten."""
        return self._n_evicted

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the reader of these entropies, one sentence each."""
        if not self._n_evicted:
            return ()
        times = "1 time" if self._n_evicted == 1 else f"{self._n_evicted:,} times"
        within = f"to stay within {self._max_agents:,} agents; raise max_agents to keep more"
        return (f"{times} an agent was forgotten {within}",)


def _read(entropy: AnyEntropy, now: Timestamp | None) -> float:
    if isinstance(entropy, TimedEntropy | TimedConditionalEntropy):
        return entropy.get_entropy(now)
    return entropy.get_entropy()
