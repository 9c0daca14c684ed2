"""Servers that mean no good: whatever they send, a question ends in time, in words, in bounds."""

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from model_server import ModelServer, Request, answer_to, asked

from tracedesk.judge.judge import AskingJudge
from tracedesk.judge.settings import JudgeSettings
from tracedesk.judge.wire import LONGEST_ANSWER_BYTES
from tracedesk.model.judgement import Failure, Judgement
from tracedesk.model.price import Price

Make = Callable[..., AskingJudge]
Configure = Callable[..., JudgeSettings]
GOOD = {"score": 0.8, "rationale": "It names berth 3."}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def arguments(text: str) -> Callable[[Request], None]:
    return lambda request: request.call_tool(text)


def endless(request: Request) -> None:
    request.raw(HEAD, b"\r\n", *[b" " * 2**20] * (2 + LONGEST_ANSWER_BYTES // 2**20))


def packed(request: Request) -> None:
    body = gzip.compress(b" " * 10**7)
    length = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    request.raw(HEAD, length, body)


def dripping(request: Request) -> None:
    request.raw(HEAD, b"Content-Length: 100000\r\n\r\n")
    while not request.server_is_closing(0.05):
        request.raw(b" ")


REFUSED: dict[str, tuple[Callable[[Request], None], str, str]] = {
    "no end": (endless, "judge_nonsense", "more than 4096 KiB"),
    "packed": (packed, "judge_nonsense", "packed as 'gzip', which was not asked for"),
    "drop by drop": (dripping, "judge_timeout", "within 1 s"),
    "no choice": (
        lambda request: request.call_tool(GOOD, choices=[]),
        "judge_nonsense",
        "cannot be understood",
    ),
    "elsewhere": (
        lambda request: request.send(302, {}, Location="http://127.0.0.1:9/"),
        "judge_refused",
        "answered 302, which is not followed; see [judge] base_url",
    ),
    "in circles": (
        lambda request: request.send(307, {}, Location="/v1/chat/completions"),
        "judge_refused",
        "answered 307",
    ),
    "hung up": (lambda request: request.raw(), "judge_unreachable", "cannot be reached"),
    "half a head": (
        lambda request: request.raw(b"HTTP/1.1 200 OK\r\nCon"),
        "judge_unreachable",
        "cannot be reached",
    ),
    "half a body": (
        lambda request: request.raw(HEAD, b"Content-Length: 99\r\n\r\n{"),
        "judge_unreachable",
        "cannot be reached",
    ),
    "no HTTP": (
        lambda request: request.raw(b"\0\xff\r\n\r\n"),
        "judge_unreachable",
        "cannot be reached",
    ),
    "infinite": (
        arguments('{"score": 1e999, "rationale": "x"}'),
        "judge_nonsense",
        "score: Input should be a finite number",
    ),
    "true": (
        arguments('{"score": true, "rationale": "x"}'),
        "judge_nonsense",
        "score: Input should be a valid number",
    ),
    "below nothing": (
        arguments('{"score": -0.1, "rationale": "x"}'),
        "judge_nonsense",
        "greater than or equal to 0",
    ),
    "one more key": (
        arguments('{"score": 1, "rationale": "x", "threshold": 0}'),
        "judge_nonsense",
        "threshold: Extra inputs are not permitted",
    ),
    "cut off": (arguments('{"score": 0.9, "rat'), "judge_nonsense", "Invalid JSON"),
    "too deep": (arguments("[" * 100_000), "judge_nonsense", "recursion limit"),
    "half a character": (
        arguments('{"score": 0.5, "rationale": "a\\ud800b"}'),
        "judge_nonsense",
        "Invalid JSON",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_judgement_is_a_failure_in_plain_words(
    server: ModelServer,
    settings: Configure,
    judge_of: Make,
    case: tuple[Callable[[Request], None], str, str],
):
    behaviour, code, told = case
    server.behaviours = [behaviour]
    found = answer_to(judge_of(settings(retries=0, timeout_s=1.0)))
    assert isinstance(found, Failure)
    assert found.code == code
    assert told in found.message
    assert found.message.isprintable()
    assert len(found.message) < 400


@pytest.mark.parametrize(
    "after", ["soon", "nan", "inf", "-5", "1e308", "9" * 400, "Fri, 01 Jan 1999 00:00:00 GMT"]
)
def test_a_pause_that_is_none_is_not_waited_for(
    server: ModelServer, settings: Configure, judge_of: Make, after: str
):
    server.behaviours = [lambda request: request.send(429, {}, Retry_After=after)]
    begun = time.monotonic()
    found = answer_to(judge_of(settings(retries=1)))
    assert isinstance(found, Failure)
    assert found.code == "judge_rate_limit"
    assert time.monotonic() - begun < 4


def test_a_server_may_ask_to_be_left_alone_for_a_century(
    server: ModelServer, settings: Configure, judge_of: Make
):
    until = "Fri, 01 Jan 2100 00:00:00 GMT"
    server.behaviours = [lambda request: request.send(429, {}, Retry_After=until)]
    found = answer_to(judge_of(settings(retries=3)))
    assert isinstance(found, Failure)
    assert "it asks for a pause of" in found.message
    assert len(server.requests) == 1


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -9, "completion_tokens": -9}])
@pytest.mark.filterwarnings("ignore:Failed to extract usage")
def test_a_server_need_not_count_tokens(
    server: ModelServer, settings: Configure, judge_of: Make, usage: dict[str, int] | None
):
    counts = None if usage is None else {**usage, "total_tokens": 0}
    server.behaviours = [lambda request: request.call_tool(GOOD, usage=counts)]
    assert isinstance(answer_to(judge_of(settings())), Judgement)
    prices = {"small": Price(input=1e6, output=1e6)}
    judge = judge_of(settings(budget_usd_per_run=1.0), None, prices)
    assert isinstance(answer_to(judge), Judgement)
    assert judge.progress().usd == len(server.requests[1].prompt) // 4, "a guess, but no gift"
    assert isinstance(answer_to(judge, asked("two")), Failure)


def test_a_key_that_a_server_repeats_is_not_told(
    server: ModelServer, settings: Configure, judge_of: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THE_KEY", "sk-secret-of-mine")

    def repeat(request: Request) -> None:
        said = f"{'x' * 150} bad key {request.headers['authorization']}\x1b[31m"
        request.send(401, {"error": {"message": said}})

    def repeat_at_once(request: Request) -> None:
        request.send(401, {"error": {"message": f"\x1b[31m {request.headers['authorization']}"}})

    server.behaviours = [repeat, repeat_at_once]
    judge = judge_of(settings(api_key_env="THE_KEY"))
    for text in ("one", "two"):
        found = answer_to(judge, asked(text))
        assert isinstance(found, Failure)
        assert "sk-" not in found.message
        assert found.message.isprintable()
    assert "Bearer [key]" in found.message


def test_less_than_nothing_is_nothing(server: ModelServer, settings: Configure, judge_of: Make):
    server.behaviours = [arguments('{"score": -0.0, "rationale": "x"}')]
    found = answer_to(judge_of(settings()))
    assert isinstance(found, Judgement)
    assert json.dumps(found.samples[0].score) == "0.0"


def test_answers_in_other_forms_are_read(server: ModelServer, settings: Configure, judge_of: Make):
    call: dict[str, Any] = {"name": "judgement", "arguments": json.dumps(GOOD)}
    tools = [{"id": f"t{n}", "type": "function", "function": call} for n in range(2)]
    text = json.dumps(GOOD)
    forms: list[dict[str, Any]] = [
        {"content": None, "tool_calls": tools},
        {"content": '{"score": 0.1, "rationale": "not this"}', "tool_calls": tools[:1]},
        {"content": [{"type": "text", "text": text}]},
        {"content": f'<think>or {{"score": 1, "rationale": "no"}}</think>{text}'},
    ]
    judge = judge_of(settings())
    for number, form in enumerate(forms):
        server.behaviours = [
            lambda request, form=form: request.message({"role": "assistant", **form})
        ]
        found = answer_to(judge, asked(f"text {number}"))
        assert isinstance(found, Judgement)
        assert found.score == 0.8
