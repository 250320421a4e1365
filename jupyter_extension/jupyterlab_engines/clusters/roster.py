"""Who the engines of a cluster are: registered by the hub, described by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from ..api.models import Engine
from .link import HubLink, LinkError
from .world import EngineFacts

OUR_FACTS = "__import__('pxengines.facts', fromlist=['as_json']).as_json()"
"""What one of our engines is asked: it has `pxengines`."""

ANY_FACTS = (
    "(lambda sys, mpi: __import__('json').dumps({"
    "'rank': mpi.COMM_WORLD.Get_rank() if mpi else None,"
    "'size': mpi.COMM_WORLD.Get_size() if mpi else None,"
    "'host': __import__('socket').gethostname(),"
    "'pid': __import__('os').getpid(),"
    "'library': mpi.Get_library_version().splitlines()[0].strip('\\0 ') if mpi else '',"
    "'mpi4py_version': sys.modules['mpi4py'].__version__ if mpi else '',"
    "'python_version': '.'.join(str(part) for part in sys.version_info[:3]),"
    "'ipyparallel_version': sys.modules['ipyparallel'].__version__"
    "}))(__import__('sys'), (lambda m: m if m and m.Is_initialized() and not m.Is_finalized() else None)"
    "(__import__('sys').modules.get('mpi4py.MPI')))"
)
"""What any ipyparallel engine is asked: nothing is imported that is not there already."""

MPI_FACTS = ANY_FACTS.replace(
    "(__import__('sys').modules.get('mpi4py.MPI'))", "(__import__('mpi4py.MPI', fromlist=['MPI']))"
)
"""What ipengine is asked in a cluster of ours: it has not loaded MPI yet, and must be in one world."""


class Roster:
    """The engines of one cluster.

    Parameters
    ----------
    link : the line to the hub; its `changed` must be given to `update`.
    question : expression that makes an engine tell its facts.
    changed : called after each change.
    known : engines from before a restart of this server, to be shown until they are asked again.
    """

    def __init__(
        self, link: HubLink, question: str, changed: Callable[[], None], known: Iterable[Engine] = ()
    ) -> None:
        self._link = link
        self._question = question
        self._changed = changed
        self._engines = {engine.engine_id: engine for engine in known}
        self._uuids: dict[int, str] = {}
        self._learning: dict[str, asyncio.Task[None]] = {}
        self._retired: frozenset[str] = frozenset()
        self.facts: dict[int, EngineFacts] = {}
        self.silent: dict[int, str] = {}
        """Engines that could not tell their facts, and why."""

    def engines(self) -> tuple[Engine, ...]:
        """Return the engines by id; those that were lost are not alive."""
        return tuple(self._engines[i] for i in sorted(self._engines))

    def uuids(self) -> dict[int, str]:
        """Return by id the engines that the hub counts now."""
        return dict(self._uuids)

    def retire(self, uuids: Iterable[str]) -> None:
        """Forget these engines, which end, and all that is known of them; others will come."""
        self._retired |= frozenset(uuids)
        left = {i: uuid for i, uuid in self._uuids.items() if uuid not in self._retired}
        self._engines = {i: engine for i, engine in self._engines.items() if i in left}
        self._uuids = left
        self.facts = {i: facts for i, facts in self.facts.items() if i in left}
        self.silent.clear()

    def complete(self, count: int) -> bool:
        """Tell whether `count` engines are registered and all of them have told their facts."""
        return len(self._uuids) >= count and self._uuids.keys() <= self.facts.keys()

    def update(self, registered: dict[int, str]) -> None:
        """Take note of the engines the hub counts now (id → uuid)."""
        registered = {i: uuid for i, uuid in registered.items() if uuid not in self._retired}
        for engine_id, uuid in registered.items():
            if self._uuids.get(engine_id) == uuid:
                continue
            known = self._engines.get(engine_id)
            self._engines[engine_id] = (
                msgspec.structs.replace(known, alive=True)
                if known is not None and engine_id not in self._uuids
                else Engine(engine_id=engine_id, rank=None, host=None, pid=None, alive=True)
            )
            self._uuids[engine_id] = uuid
            self.facts.pop(engine_id, None)
            self._learning[uuid] = asyncio.create_task(self._learn(engine_id, uuid))
        for engine_id, engine in self._engines.items():
            if engine_id not in registered and engine.alive:
                self._engines[engine_id] = msgspec.structs.replace(engine, alive=False)
                self._uuids.pop(engine_id, None)
                self.facts.pop(engine_id, None)
        self._changed()

    async def answers(self, timeout: float) -> bool:
        """Tell whether the hub answers within `timeout` seconds; meanwhile it says who is registered."""
        try:
            await self._link.ask(timeout)
        except LinkError:
            return False
        return True

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._learning.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _learn(self, engine_id: int, uuid: str) -> None:
        # No time limit: an engine answers when it has finished what it is doing, be it in an hour.
        try:
            text = await self._link.evaluate(uuid, self._question, None)
            facts = msgspec.json.decode(text, type=EngineFacts)
        except (LinkError, msgspec.MsgspecError) as error:
            self.silent[engine_id] = str(error)
            self._changed()
            return
        finally:
            self._learning.pop(uuid, None)
        if self._uuids.get(engine_id) != uuid:
            return  # lost meanwhile
        facts = msgspec.structs.replace(facts, library=" ".join(facts.library.split()))
        self.facts[engine_id] = facts
        self._engines[engine_id] = Engine(
            engine_id=engine_id, rank=facts.rank, host=facts.host, pid=facts.pid, alive=True
        )
        self._changed()
