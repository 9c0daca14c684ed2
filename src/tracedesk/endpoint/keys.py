"""Keys: made, hashed, and looked up for each request.

A key is 32 random bytes, so one SHA-256 protects it; hashes are compared in constant time.
A key that is sent and wrong is refused in every mode.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from uuid import uuid4

import msgspec

from tracedesk.endpoint.errors import Refused, unauthorized
from tracedesk.model.agent import Agent
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.keys import StoredKey, add_key, list_keys

PREFIX = "mibo_"
MAX_AGE_NS = 250_000_000
"""How long looked-up keys are believed: a revocation elsewhere counts this soon."""

AgentsById = Callable[[], Mapping[str, Agent]]


class Access(msgspec.Struct, frozen=True):
    """What the sender of a request may do."""

    agents: tuple[Agent, ...]
    """The agents it may send to and read from, in configured order."""
    everyone: bool = False
    """True for a request without a key, which loopback allows until a key exists."""

    @property
    def single(self) -> Agent | None:
        """The agent, when there is exactly one."""
        return self.agents[0] if len(self.agents) == 1 else None

    def agent(self, agent_id: str) -> Agent | None:
        """The agent of this id, if it may be used."""
        wanted = agent_id.lower()
        return next((agent for agent in self.agents if agent.id.lower() == wanted), None)


def create_key(
    store: Store,
    name: str,
    agents: Sequence[str] = (),
    *,
    expires_ns: int | None = None,
    secret: str | None = None,
) -> tuple[StoredKey, str]:
    """Make and store a key; returns the key itself too, which is never seen again.

    ``agents`` are ids, none = all. ``secret`` gives the key instead of a random one.
    """
    secret = secret or PREFIX + secrets.token_urlsafe(32)
    key = StoredKey(
        id=str(uuid4()),
        name=name,
        hash=_hash(secret.encode()),
        last4=secret[-4:],
        agents=tuple(agents),
        created_ns=time.time_ns(),
        expires_ns=expires_ns,
    )
    add_key(store, key)
    return key, secret


def _hash(secret: bytes) -> bytes:
    return sha256(secret).digest()


class KeyRing:
    """Answers for each request who is asking. Used by one event loop only."""

    def __init__(self, store: Store, agents: AgentsById, *, demanded: bool) -> None:
        self._store = store
        self._agents = agents
        self._demanded = demanded
        self._keys: dict[bytes, StoredKey] = {}
        self._read_ns = 0

    def access(self, secret: bytes | None) -> Access:
        """Who sends this ``x-api-key`` (None: no header). Raises Refused: 401 for a key that
        is missing or not valid, 503 when the keys cannot be read."""
        if secret is None:
            if self._demanded or self._any_usable():
                raise unauthorized("x-api-key header is missing", "MISSING_API_KEY")
            return Access(tuple(self._agents().values()), everyone=True)
        key = self._key(_hash(secret))
        if key is None:
            raise unauthorized("API key is unknown, revoked or expired", "INVALID_API_KEY")
        agents = self._agents().values()
        if key.agents:
            return Access(tuple(agent for agent in agents if agent.id in key.agents))
        return Access(tuple(agents))

    def _any_usable(self) -> bool:
        """Whether a key exists that works; from then on requests need one."""
        now = time.time_ns()
        self._refresh(now)
        return bool(self._keys) and any(key.usable(now) for key in self._keys.values())

    def _key(self, digest: bytes) -> StoredKey | None:
        now = time.time_ns()
        self._refresh(now, unless_known=digest)
        key = self._keys.get(digest)
        if key is None or not hmac.compare_digest(key.hash, digest) or not key.usable(now):
            return None
        return key

    def _refresh(self, now: int, unless_known: bytes | None = None) -> None:
        """Read the keys again when they are too old, or do not hold the one asked for."""
        fresh = 0 <= now - self._read_ns < MAX_AGE_NS
        if fresh and (unless_known is None or unless_known in self._keys):
            return
        try:
            self._keys = {key.hash: key for key in list_keys(self._store)}
        except StoreError as error:
            raise Refused(503, "AUTH_ERROR", f"the keys cannot be read: {error}") from error
        self._read_ns = now
