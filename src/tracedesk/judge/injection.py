"""Attempts to instruct the judge from inside what it judges.

A plain look for the usual phrases, as they are read and not as they are spelt: it warns a reader
and decides nothing. What protects the score is the fence of the prompt and the typed answer.
"""

import re
import unicodedata

from tracedesk.model.judgement import Question

_SHOWN = 80
"""Characters of an attempt that are told."""

_PHRASES = re.compile(
    r"""
      (ignore|disregard|forget|override)\s+(all\s+|any\s+|the\s+|your\s+|these\s+|of\s+){0,3}
        (previous|prior|above|earlier|preceding|system|other)\s+
        (instruction|prompt|rule|criteri|direction|message)\w*
    | (you\s+are|act\s+as|pretend\s+to\s+be)\s+(now\s+)?(an?\s+|the\s+)?
        (judge|grader|evaluator|scorer)
    | (give|assign|award|return|output|respond\s+with|answer\s+with|set)\s+(it\s+|this\s+|me\s+|
        the\s+|a\s+|an\s+|us\s+|my\s+|answer\s+|text\s+|response\s+|maximum\s+|full\s+|
        perfect\s+|highest\s+){0,5}
        (score|rating|grade|mark)s?\b
    | (note|message|instruction|attention)s?\s+(to|for)\s+(the\s+|any\s+)?
        ((ai|llm|automated)\s+)?(judge|grader|evaluator|scorer)
    | \bscore["']?\s*[:=]\s*(1(\.0+)?|10|100)\b
    | <\s*+/?\s*+(system|instructions?)\s*>
    | ^[^\S\n]*+={4,}\s*(END|CRITERION|TEXT\s+TO\s+JUDGE)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


_TAGS = range(0xE0020, 0xE007F)
"""A second ASCII that no screen shows and every model reads."""

_UNSEEN = {
    **dict.fromkeys(
        (0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
         *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF)
    ),
    **{code: code - 0xE0000 for code in _TAGS},
}  # fmt: skip
"""What stands between letters without being seen, and what is read without being seen."""


def injection_in(text: str) -> str:
    """The first words that seem meant for the judge, cut short; blank when there are none."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    found = _PHRASES.search(text)
    return "" if found is None else " ".join(found[0].split())[:_SHOWN]


def injection_into(question: Question) -> str:
    """The first such words in anything of a question that comes from a trace."""
    parts = (question.text, question.input, question.calls)
    return next(filter(None, (injection_in(part) for part in parts if part)), "")
