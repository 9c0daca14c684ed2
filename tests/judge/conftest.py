"""A model server on loopback, and judges that lead to it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from model_server import ModelServer

from tracedesk.judge.judge import AskingJudge
from tracedesk.judge.settings import JudgeSettings


@pytest.fixture
def server() -> Iterator[ModelServer]:
    found = ModelServer()
    yield found
    found.close()


@pytest.fixture
def settings(server: ModelServer) -> Callable[..., JudgeSettings]:
    """Settings that lead to the server, the given fields changed."""

    def made(**changed: Any) -> JudgeSettings:
        fields: dict[str, Any] = {"model": "small", "base_url": server.url, "timeout_s": 5.0}
        return JudgeSettings(**{**fields, **changed})

    return made


@pytest.fixture
def judge_of() -> Iterator[Callable[..., AskingJudge]]:
    """Makes judges that hardly pause between attempts; they are stopped in the end."""
    made: list[AskingJudge] = []

    def judge(settings: JudgeSettings, *args: Any, **more: Any) -> AskingJudge:
        made.append(AskingJudge(settings, *args, first_pause_s=0.01, **more))
        return made[-1]

    yield judge
    for each in made:
        each.stop()
