"""Keys: made, hashed, and looked up for each request.

A key is 256 random bits, so one SHA-256 protects it; hashes are compared in constant time.
A key that is sent and wrong is refused in every mode. A request without a key may do
everything unless keys are demanded, whatever keys exist (ingestion spec 6).
"""

import contextlib
import hmac
import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from uuid import uuid4

import msgspec

from tracedesk.endpoint.errors import Refused, unauthorized
from tracedesk.model.agent import Agent
from tracedesk.query.text import iso
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.keys import StoredKey, add_key, list_keys, note_use

PREFIX = "mibo_"
ALPHABET = string.ascii_letters + string.digits
"""No punctuation: a double click selects all of a key, and no part of it looks like an option."""
SECRET_CHARS = 43
"""256 bits."""
MAX_AGE_NS = 250_000_000
"""How long looked-up keys are believed: a revocation elsewhere counts this soon."""

USE_STEP_NS = 60_000_000_000
"""A key in use is noted once a minute: often enough for a person, and free for the writer."""

AgentsById = Callable[[], Mapping[str, Agent]]


class Access(msgspec.Struct, frozen=True):
    """What the sender of a request may do."""

    agents: tuple[Agent, ...]
    """The agents it may send to and read from, in configured order; none for a key whose agents
    were all removed."""
    everyone: bool = False
    """True for a request without a key, where none is demanded."""

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
    secret = secret or PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))
    key = StoredKey(
        id=str(uuid4()),
        name=name,
        hash=hash_of(secret.encode()),
        last4=secret[-4:],
        agents=tuple(agents),
        created_ns=time.time_ns(),
        expires_ns=expires_ns,
    )
    add_key(store, key)
    return key, secret


def hash_of(secret: bytes) -> bytes:
    """What is stored of a key."""
    return sha256(secret).digest()


class KeyRing:
    """Answers for each request who is asking. Used by one event loop only."""

    def __init__(self, store: Store, agents: AgentsById, *, demanded: bool) -> None:
        self._store = store
        self._agents = agents
        self._demanded = demanded
        self._keys: dict[bytes, StoredKey] = {}
        self._read_ns = 0
        self._noted: dict[str, int] = {}
        """When the use of each key was last noted."""

    def access(self, secret: bytes | None) -> Access:
        """Who sends this ``x-api-key`` (None or blank: nobody). Raises Refused: 401 for a key
        that is missing or not valid, 503 when the keys cannot be read."""
        if secret is not None:
            secret = secret.strip(b" \t")  # around a header's value they are not part of it
        if not secret:
            if self._demanded:
                raise unauthorized("x-api-key header is missing", "MISSING_API_KEY")
            return Access(tuple(self._agents().values()), everyone=True)
        key = self._key(hash_of(secret))
        agents = self._agents().values()
        if key.agents:
            return Access(tuple(agent for agent in agents if agent.id in key.agents))
        return Access(tuple(agents))

    def _key(self, digest: bytes) -> StoredKey:
        now = time.time_ns()
        self._refresh(now, unless_known=digest)
        key = self._keys.get(digest)
        if key is None or not hmac.compare_digest(key.hash, digest):
            raise unauthorized("this API key is unknown here", "INVALID_API_KEY")
        if not key.usable(now):
            raise unauthorized(_unusable(key), "INVALID_API_KEY")
        if now - self._noted.get(key.id, key.used_ns or 0) >= USE_STEP_NS:
            self._noted[key.id] = now
            with contextlib.suppress(StoreError):  # what is being sent will say so itself
                note_use(self._store, key.id, now)
        return key

    def _refresh(self, now: int, unless_known: bytes) -> None:
        """Read the keys again when they are too old, or do not hold the one asked for."""
        if 0 <= now - self._read_ns < MAX_AGE_NS and unless_known in self._keys:
            return
        try:
            self._keys = {key.hash: key for key in list_keys(self._store)}
        except StoreError as error:
            raise Refused(503, "AUTH_ERROR", f"the keys cannot be read: {error}") from error
        self._read_ns = now


def _unusable(key: StoredKey) -> str:
    """Its holder may know why: only who has the whole key gets here."""
    if key.revoked_ns is not None:
        return f"the API key {key.masked} was revoked at {iso(key.revoked_ns)}"
    assert key.expires_ns is not None, "neither revoked nor expired, yet unusable"
    return f"the API key {key.masked} expired at {iso(key.expires_ns)}"
