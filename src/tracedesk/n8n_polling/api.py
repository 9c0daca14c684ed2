"""n8n's public API, as far as executions are read from it: ``GET /executions`` page by page
without their data, newest first, and ``GET /executions/{id}`` with it.

Whatever goes wrong is an N8nError that tells a person what to do. No answer can fill the
memory, and the key goes to the configured address only.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from tracedesk.endpoint.intake import MAX_REQUEST_ID
from tracedesk.formats.exports.records import text

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every look

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
"""Seconds."""
PAGE = 100
"""Executions listed at a time; n8n gives 250 at most."""
LIST_BYTES = 8 << 20
"""Largest page; without its data an execution takes half a kilobyte."""
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
API_PATH = "/api/v1"

UNFINISHED = frozenset({"new", "running", "waiting"})
FINISHED = frozenset({"success", "error", "crashed", "canceled"})


class N8nError(Exception):
    """n8n could not be asked, or refused. ``wait_s``: how long it wants to be left alone."""

    def __init__(self, message: str, *, status: int = 0, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.wait_s = wait_s


class UnusableError(Exception):
    """One execution cannot become a trace; the text says why."""


class Entry(msgspec.Struct, frozen=True):
    """One execution as it is listed. Nothing of what n8n says is trusted to have its type."""

    id: Any = None
    status: Any = None
    startedAt: Any = None  # noqa: N815, n8n's spelling
    stoppedAt: Any = None  # noqa: N815

    @property
    def name(self) -> str | None:
        """The id as text; None for an entry without one that a trace could have."""
        name = text(self.id)
        return None if name is None or len(name) > MAX_REQUEST_ID else name

    @property
    def finished(self) -> bool:
        """It will not change any more. Older versions of n8n tell no status."""
        if self.status in UNFINISHED:
            return False
        return self.status in FINISHED or self.stoppedAt is not None

    @property
    def age_key(self) -> tuple[str, int]:
        """Orders executions by age: when they began, else by number."""
        name = self.name or ""
        started = self.startedAt if isinstance(self.startedAt, str) else ""
        return started, int(name) if name.isascii() and name.isdigit() else 0


class Page(NamedTuple):
    """One page of the list."""

    entries: list[Entry]
    cursor: str | None
    """Of the next page."""


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    nextCursor: Any = None  # noqa: N815


_PAGE = msgspec.json.Decoder(_Page)
_ENTRY = msgspec.json.Decoder(Entry)


class N8nClient:
    """Asks one n8n. Use as a context."""

    def __init__(self, base_url: str, key: str, key_name: str, max_execution: int) -> None:
        """``max_execution``: largest execution in bytes. ``key_name`` is where the key is from."""
        self._base = base_url.rstrip("/")
        self._key_name = key_name
        self._max = max_execution
        if not (key.isascii() and key.isprintable()):
            raise N8nError(f"what the variable {key_name} holds is no API key")
        self._client = httpx.Client(
            headers={"X-N8N-API-KEY": key, "Accept": "application/json"},
            timeout=TIMEOUT,
            trust_env=urlsplit(base_url).hostname not in LOCAL,
        )

    def __enter__(self) -> "N8nClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def page(self, workflow_id: str | None, cursor: str | None) -> Page:
        """One page of the list, newest first. Raises N8nError."""
        asked = {"includeData": "false", "limit": str(PAGE)}
        asked |= {"workflowId": workflow_id} if workflow_id else {}
        asked |= {"cursor": cursor} if cursor else {}
        body = self._get("/executions", asked, LIST_BYTES)
        try:
            found = _PAGE.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise N8nError(
                f"{self._base}/executions is no list of executions{self._hint}"
            ) from None

        entries = []
        for raw in found.data:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # it has no id to name it by
                entries.append(_ENTRY.decode(raw))
        return Page(entries, text(found.nextCursor))

    def entry(self, name: str) -> Entry | None:
        """An execution without its data; None when there is none any more. Raises N8nError."""
        try:
            body = self._get(f"/executions/{quote(name, safe='')}", {}, LIST_BYTES)
            return _ENTRY.decode(body)
        except N8nError as error:
            if error.status == 404:
                return None
            raise
        except (UnusableError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def execution(self, name: str) -> bytes:
        """An execution with its data, as JSON. Raises N8nError, and UnusableError when it is
        gone or too large."""
        try:
            path = f"/executions/{quote(name, safe='')}"
            return self._get(path, {"includeData": "true"}, self._max)
        except N8nError as error:
            if error.status == 404:
                raise UnusableError("n8n has it no more") from None
            raise

    def _get(self, path: str, asked: Mapping[str, str], limit: int) -> bytes:
        url = self._base + path
        try:
            with self._client.stream("GET", url, params=dict(asked)) as response:
                if not response.is_success:
                    raise self._refused(url, response)
                body = _limited(response, limit)
        except httpx.InvalidURL as error:
            raise N8nError(f"{url} is not a URL: {error}") from error
        except httpx.TimeoutException as error:
            raise N8nError(f"{self._base} does not answer in time") from error
        except httpx.HTTPError as error:
            told = str(error) or type(error).__name__
            raise N8nError(f"{self._base} cannot be reached: {told}; is n8n running?") from error
        kind = response.headers.get("content-type", "no content type")
        if body[:1] != b"{":
            raise N8nError(f"{url} answered no JSON ({kind[:60]}){self._hint}")
        return body

    @property
    def _hint(self) -> str:
        """Said where the address seems to be another one than the API's."""
        if self._base.endswith(API_PATH):
            return ""
        return f"; base_url ends in {API_PATH} as a rule, such as {self._base}{API_PATH}"

    def _refused(self, url: str, response: httpx.Response) -> N8nError:
        status = response.status_code
        words = {
            401: f"wrong API key (401): put one of n8n's Settings, n8n API, into {self._key_name}",
            403: f"the key in {self._key_name} may not read executions (403)",
            404: f"nothing at {url} (404){self._hint}",
            429: "too many requests (429), asking less often",
        }
        told = words.get(status, f"{url} answered {status}{self._hint}")
        if response.is_redirect:
            told = f"{url} moved to {response.headers.get('location', 'nowhere')}; give that"
        wait_s = retry_after(response.headers.get("retry-after"), time())
        return N8nError(told, status=status, wait_s=wait_s)


def _limited(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise UnusableError(f"it is larger than {limit / 2**20:g} MiB")
    return bytes(body)


def retry_after(value: str | None, now_s: float) -> float:
    """Seconds from a ``Retry-After`` header, which has seconds or a date; 0 for anything else."""
    if value is None:
        return 0.0
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return 0.0
