"""Attempts to instruct the judge from inside what it judges.

A plain look for the usual phrases: it warns a reader and decides nothing. What protects the
score is the fence of the prompt and the typed answer.
"""

import re

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
    | <\s*/?\s*(system|instructions?)\s*>
    | ^\s*={4,}\s*(END|CRITERION|TEXT\s+TO\s+JUDGE)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def injection_in(text: str) -> str:
    """The first words that seem meant for the judge, cut short; blank when there are none."""
    found = _PHRASES.search(text)
    return "" if found is None else " ".join(found[0].split())[:_SHOWN]
