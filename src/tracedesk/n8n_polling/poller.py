"""The threads that look at n8n: one an agent, from the start of the desk to its end.

Trouble is told in one line and met with patience: ever longer waits, never an end. No thread
holds up the end of the desk for more than a second.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec.structs import replace

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.intake import Intake
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.model.agent import Agent
from tracedesk.n8n_polling import seen as seen_file
from tracedesk.n8n_polling.api import N8nClient, N8nError
from tracedesk.n8n_polling.look import Look
from tracedesk.query.text import plain
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 300.0
"""Between two looks while n8n is in trouble."""
LONGEST_ASKED_S = 3_600.0
"""Most of a ``Retry-After`` that is honoured."""
NOTED_S = 60.0
"""How long an execution that was passed over stays named; the log has it for good."""
STOP_S = 1.0
"""How long a stop waits for a thread; one that waits for an answer is left behind."""


class Polling:
    """Everything that is polled for one desk. ``start`` once, ``stop`` once."""

    def __init__(
        self,
        agents: Iterable[Agent],
        store: Store,
        settings: EndpointSettings,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        """``folder`` is private and keeps what was seen; ``say`` is told what is wrong now,
        blank when nothing is."""
        known = {agent.id: agent for agent in agents}
        # what n8n gives is its own format, which no setting about what is pushed refuses
        intake = Intake(replace(settings, strict_canonical=False), store, lambda: known)
        most = settings.max_body_bytes
        self._stopping = threading.Event()
        self._say = say
        self._said: dict[str, str] = {}
        self._said_lock = threading.Lock()
        self._pollers = [
            Poller(agent, store, intake, most, folder, self._tell, self._stopping)
            for agent in known.values()
            if agent.n8n is not None
        ]

    def start(self) -> None:
        for poller in self._pollers:
            poller.start()

    def stop(self) -> None:
        """End all threads, within a second."""
        self._stopping.set()
        for poller in self._pollers:
            poller.join(STOP_S / len(self._pollers))

    def _tell(self, name: str, message: str) -> None:
        """Say what is wrong at all agents, when that changes."""
        with self._said_lock:
            if self._said.get(name, "") == message or self._stopping.is_set():
                return
            self._said[name] = message
            told = [f"n8n of {plain(name)}: {plain(m)}" for name, m in self._said.items() if m]
        self._say("; ".join(told))


class Poller(threading.Thread):
    """Looks at the n8n of one agent."""

    def __init__(
        self,
        agent: Agent,
        store: Store,
        intake: Intake,
        most: int,
        folder: Path,
        tell: Callable[[str, str], None],
        stopping: threading.Event,
    ) -> None:
        """``most``: largest execution, in bytes."""
        super().__init__(name=f"n8n-{agent.name}", daemon=True)
        assert agent.n8n is not None, "there is nothing to poll"
        self._agent = agent
        self._api = agent.n8n
        self._tell = tell
        self._stopping = stopping
        self._max = most
        self._file = folder / f"n8n-{agent.id}.json"
        self._seen = seen_file.load(self._file, self._api.base_url, agent.workflow_ids)
        self._look = Look(agent, store, intake, self._seen, self._skipped, stopping.is_set)
        self._noted = ("", 0.0)

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            asked_s, trouble = self._once()
            failures = failures + 1 if trouble else 0
            noted, at = self._noted
            recent = time.monotonic() - at < NOTED_S
            self._tell(self._agent.name, trouble or (noted if recent else ""))
            self._stopping.wait(max(self._wait_s(failures), min(asked_s, LONGEST_ASKED_S)))

    def _wait_s(self, failures: int) -> float:
        every = self._api.every_s
        if not failures:
            return every
        longest = max(every, LONGEST_WAIT_S)
        # spread, so that desks which failed together do not come back together
        return min(longest, every * 2.0 ** min(failures, 30)) * random.uniform(0.5, 1.0)

    def _once(self) -> tuple[float, str]:
        """One look; how long n8n wants to be left alone, and what went wrong."""
        try:
            with self._client() as client:
                self._look.look(client)
        except N8nError as error:
            return error.wait_s, str(error)
        except StoreError as error:
            return 0.0, str(error)
        except Refused as refused:
            return 0.0, refused.message
        except Exception:
            log.exception("polling n8n for agent %s failed", self._agent.name)
            return 0.0, "polling failed unexpectedly, see the log of the workspace"
        finally:
            self._remember()
        return 0.0, ""

    def _client(self) -> N8nClient:
        name = self._api.api_key_env
        key = os.environ.get(name, "").strip()
        if not key:
            raise N8nError(f"the environment variable {name} is not set; it holds the API key")
        return N8nClient(self._api.base_url, key, name, self._max)

    def _remember(self) -> None:
        if self._seen.new:
            return
        try:
            seen_file.save(self._file, self._seen)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)

    def _skipped(self, name: str, reason: str) -> None:
        told = f"execution {name} was passed over: {reason}"
        self._noted = (told, time.monotonic())
        self._tell(self._agent.name, told)
