"""The content address of a question: whatever could change the answer is in it.

Not in it are how many samples are wanted, what counts as a pass, and who asked.
"""

import hashlib

import msgspec

from tracedesk.judge.prompt import PROMPT_VERSION
from tracedesk.judge.settings import JudgeSettings
from tracedesk.model.judgement import Question


def key_of(question: Question, settings: JudgeSettings) -> str:
    """64 hexadecimal digits, the same in every process."""
    told = (
        PROMPT_VERSION,
        settings.model,
        settings.base_url,
        settings.temperature,
        settings.answer,
        question.criteria,
        question.text,
        question.input,
        question.calls,
        question.scenario,
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()
