"""The one place that speaks to a model, through pydantic-ai.

Only a typed answer comes back: a score from 0 to 1, a rationale, quotes. Everything else a
model or a server may do is told apart here into what may be tried again and what may not.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_ai import Agent, ModelRetry, NativeOutput, TextOutput, ToolOutput, UsageLimits
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelHTTPError,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers import infer_provider_class
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from tracedesk.judge.prompt import AS_TEXT, INSTRUCTIONS
from tracedesk.judge.reply import RefusedError, Reply
from tracedesk.judge.settings import JudgeSettings, UnusableError
from tracedesk.judge.wire import PackedError, TooLongError, bounded_client
from tracedesk.model.judgement import Sample
from tracedesk.model.price import Price
from tracedesk.query.text import plain

if TYPE_CHECKING:
    from pydantic_ai.agent import AgentRunResult

log = logging.getLogger(__name__)

CALLS_A_SAMPLE = 2
"""An answer in another form is sent back once, with what is wrong with it."""

_TOLD = 160
"""Characters of a server's own words that are repeated."""

TOKEN_CHARS = 4
"""Characters of a token, where a server does not count them for us."""

_FENCED = re.compile(r"\s*```[a-z]*\n(.*)\n```\s*", re.DOTALL)


class TypedAnswer(BaseModel):
    """The judgement of one text by one criterion."""

    model_config = ConfigDict(extra="forbid")

    score: Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
    """From 0 (not met at all) to 1 (met in full)."""
    rationale: Annotated[str, Field(min_length=1)]
    """One to three sentences."""
    evidence: list[str] = []
    """Up to three short quotes from the text, letter by letter."""

    def sample(self) -> Sample:
        quotes = tuple(quote[:300] for quote in self.evidence if quote.strip())
        return Sample(abs(self.score), self.rationale[:2_000], quotes[:3])


class ModelProvider:
    """A model ready to be asked, within one event loop."""

    def __init__(
        self,
        settings: JudgeSettings,
        price: Price | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Raises UnusableError when the model cannot be asked as it is configured."""
        self._settings = settings
        self._price = price
        self._key = environ.get(settings.api_key_env or "", "")
        self._model = _model(settings, environ)
        if settings.limits_money and price is None:
            self._demand_known_price()
        self._agent: Agent[object, Any] = Agent(
            self._model,
            output_type=_OUTPUTS[settings.answer],
            instructions=INSTRUCTIONS + (AS_TEXT if settings.answer == "auto" else ""),
            retries=CALLS_A_SAMPLE - 1,
            model_settings=ModelSettings(
                temperature=settings.temperature, timeout=settings.timeout_s
            ),
        )

    async def ask(self, prompt: str) -> Reply:
        """One sample. Raises RefusedError."""
        usage = RunUsage()
        limits = UsageLimits(request_limit=CALLS_A_SAMPLE)
        try:
            result = await self._agent.run(prompt, usage=usage, usage_limits=limits)
        except (AgentRunError, UserError) as fault:
            refused = self._told(fault)
            refused.calls = max(1, usage.requests)
            refused.usd = self._paid(usage)
            raise refused from fault
        except Exception as fault:  # what the library makes of an answer nobody thought of
            log.debug("an answer could not be taken", exc_info=True)
            told = f"{self._where} answered what cannot be understood: {self._said(repr(fault))}"
            raise RefusedError("judge_nonsense", told, calls=max(1, usage.requests)) from fault
        answer: TypedAnswer = result.output
        if not (usage.input_tokens or usage.output_tokens):
            usage.input_tokens = len(prompt) // TOKEN_CHARS
        usd = self._paid(usage) if self._price else _listed_price(result)
        return Reply(answer.sample(), max(1, usage.requests), usd)

    async def close(self) -> None:
        """Close the connections."""
        client = getattr(self._model, "client", None)
        close = getattr(client, "close", None)
        if close is not None:
            await close()

    def _paid(self, usage: RunUsage) -> float:
        price = self._price
        if price is None:
            return 0.0
        return (usage.input_tokens * price.input + usage.output_tokens * price.output) / 1e6

    def _demand_known_price(self) -> None:
        settings = self._settings
        known = False
        if settings.base_url is None:
            from genai_prices import Usage, calc_price

            provider, _, name = settings.model.partition(":")
            with suppress(LookupError):
                calc_price(Usage(input_tokens=1, output_tokens=1), name, provider_id=provider)
                known = True
        if not known:
            raise UnusableError(
                f"[judge] limits USD, but the price of {settings.model!r} is not known; add it"
                f' to [prices]: "{settings.model}" = {{ input = 0.0, output = 0.0 }}'
            )

    @property
    def _where(self) -> str:
        return self._settings.base_url or self._settings.model

    def _said(self, text: str) -> str:
        """Words of a server or a library, cut short and harmless, without the key."""
        return _cut(text.replace(self._key, "[key]") if self._key else text)

    def _told(self, fault: Exception) -> RefusedError:
        where = self._where
        if isinstance(fault, ModelHTTPError):
            return self._http(fault)
        if isinstance(fault, ModelAPIError):
            return self._connection(fault)
        if isinstance(fault, UnexpectedModelBehavior | UsageLimitExceeded):
            said = self._said(_root(fault))
            return RefusedError("judge_nonsense", f"no typed answer came from {where}: {said}")
        return RefusedError("judge_refused", f"{where}: {self._said(str(fault))}")

    def _connection(self, fault: ModelAPIError) -> RefusedError:
        where, first, said = self._where, _first(fault), self._said(_root(fault))
        status = getattr(first, "status_code", None)
        if isinstance(first, TooLongError | PackedError):
            return RefusedError("judge_nonsense", f"{where}: {said}")
        if isinstance(first, json.JSONDecodeError | UnicodeDecodeError):
            told = f"{where} answered, but not in JSON: {said}"
            return RefusedError("judge_nonsense", told, transient=True)
        if isinstance(status, int):
            told = f"{where} answered {status}, which is not followed; see [judge] base_url"
            return RefusedError("judge_refused", told)
        told = f"{where} cannot be reached: {said}"
        return RefusedError("judge_unreachable", told, transient=True)

    def _http(self, fault: ModelHTTPError) -> RefusedError:
        status = fault.status_code
        code, meaning = _WHY.get(
            status,
            ("judge_server", "the server failed") if status >= 500 else ("judge_refused", ""),
        )
        told = "; ".join(part for part in (meaning, self._said(_words(fault.body))) if part)
        return RefusedError(
            code,
            f"{self._where} answered {status}: {told or 'without a word'}",
            transient=status in (408, 409, 429) or status >= 500,
            retry_after=getattr(fault, "retry_after", None),
        )


_WHY = {
    401: ("judge_key", "the key was refused; see [judge] api_key_env"),
    402: ("judge_quota", "the account's credit is used up"),
    403: ("judge_key", "the key may not do this; see [judge] api_key_env"),
    404: ("judge_model", "no such model there; see [judge] model and base_url"),
    408: ("judge_timeout", "the server gave up waiting"),
    413: ("judge_too_long", "the text is too long for the server"),
    429: ("judge_rate_limit", "too many requests"),
}
"""Statuses that mean one thing: code and what it means."""


def _words(body: object) -> str:
    if isinstance(body, dict):
        return str(body.get("message") or body.get("error") or json.dumps(body))
    return "" if body is None else str(body)


def _root(fault: BaseException) -> str:
    """The words of the first cause that has any."""
    told = str(fault)
    while fault.__cause__ is not None:
        fault = fault.__cause__
        told = _faults(fault) if isinstance(fault, ValidationError) else str(fault) or told
    return told or type(fault).__name__


def _first(fault: BaseException) -> BaseException:
    """The first cause."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    return fault


def _faults(fault: ValidationError) -> str:
    """``score: Field required; quotes: Extra inputs are not permitted``."""
    faults = fault.errors(include_url=False, include_context=False, include_input=False)
    told = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}".lstrip(": ") for each in faults)
    return "; ".join(told)


def _cut(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= _TOLD else f"{line[: _TOLD - 1]}…"


def _read_text(text: str) -> TypedAnswer:
    """A typed answer written as JSON text, alone or in one code fence."""
    fenced = _FENCED.fullmatch(text)
    try:
        return TypedAnswer.model_validate_json(fenced[1] if fenced else text)
    except ValidationError as fault:
        raise ModelRetry(f"Not the JSON object that was asked for: {fault}") from fault


_TOOL = ToolOutput(TypedAnswer, name="judgement", description="Give your judgement.")
_OUTPUTS: dict[str, Any] = {
    "auto": [_TOOL, TextOutput(_read_text)],
    "tool": _TOOL,
    "json": NativeOutput(TypedAnswer, name="judgement"),
}


def _model(settings: JudgeSettings, environ: Mapping[str, str]) -> Model[Any]:
    key = environ.get(settings.api_key_env) if settings.api_key_env else None
    try:
        if settings.base_url is not None:
            model = _compatible(settings.model, settings.base_url, key, settings.timeout_s)
        elif key is not None:
            model = infer_model(
                settings.model,
                lambda name: infer_provider_class(name)(api_key=key),  # type: ignore[call-arg]
            )
        else:
            model = infer_model(settings.model)
    except ImportError as fault:
        provider = settings.model.partition(":")[0]
        raise UnusableError(
            f"[judge] model {settings.model!r} needs the library of its provider:"
            f" pip install 'pydantic-ai-slim[{provider}]' ({_cut(str(fault))})"
        ) from fault
    except Exception as fault:  # whatever a provider's constructor thinks of its settings
        raise UnusableError(f"[judge] model {settings.model!r}: {_cut(str(fault))}") from fault
    client: Any = getattr(model, "client", None)
    if hasattr(client, "max_retries"):  # attempts are counted and paced here, not there
        client.max_retries = 0
    return model


def _compatible(name: str, base_url: str, key: str | None, timeout_s: float) -> Model[Any]:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    # always a key of our own: the one of another service in the environment stays there
    client = bounded_client(timeout_s)
    provider = OpenAIProvider(base_url=base_url, api_key=key or "none", http_client=client)
    return OpenAIChatModel(name.removeprefix("openai:"), provider=provider)


def _listed_price(result: "AgentRunResult[Any]") -> float:
    """USD of all responses by the public price lists; 0 where they do not know the model, or the
    server does not say how much it read and wrote."""
    usd = 0.0
    for message in result.new_messages():
        if message.kind == "response":
            with suppress(LookupError, AssertionError, ValueError):
                usd += float(message.cost().total_price)
    return usd
