"""The offline stand-in: counts which words of a criterion are in the text.

For demonstrations and tests of everything around a judge. It understands nothing, and every
verdict of it says so.
"""

import re
from collections.abc import Sequence

from tracedesk.judge.injection import injection_into
from tracedesk.judge.keys import key_of
from tracedesk.judge.settings import HEURISTIC, JudgeSettings
from tracedesk.model.judgement import Judgement, Question, Sample

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|'([^']{2,})'(?!\w)")
_STEM = 5
"""Letters by which words are compared, so that ``opens`` finds ``opening``."""
_QUOTES = 3

_NO_CONTENT = frozenset(
    word
    for line in (
        "a about all also an and any are as at be been but by can do does for from had has have",
        "he her his how if in into is it its may more must no not of on one only or other our out",
        "should so some such than that the their them then there these they this those to up us",
        "was we were what when where which while who will with without would you your",
        "answer answers response reply replies text says say mentions mention names name tells",
        "tell states state contains contain agent user assistant",
    )
    for word in line.split()
)
"""Words that say nothing of what is looked for."""


class HeuristicJudge:
    """A judge that answers at once; see the module."""

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self.threshold, self.samples = settings.threshold, settings.samples
        self.include_trace = settings.include_trace

    def judgement(self, question: Question) -> Judgement:
        """The share of the criterion's words that the text has."""
        return Judgement(
            key=key_of(question, self._settings),
            model=HEURISTIC,
            samples=(_sample(question),),
            heuristic=True,
            injection=injection_into(question),
        )

    def answered_since(self, number: int) -> Sequence[str]:
        return ()


def _sample(question: Question) -> Sample:
    text = question.text.casefold()
    spoken = {word[:_STEM]: word for word in reversed(_WORD.findall(text))}
    wanted = list(dict.fromkeys(_wanted(question.criteria)))
    if not wanted:
        return Sample(0.0, "the criterion has no word that could be looked for")
    there = [term for term in wanted if _found(term, text, spoken)]
    absent = [term for term in wanted if term not in there]
    told = f"{len(there)} of {len(wanted)} words of the criterion are in the text"
    missing = f"; not found: {', '.join(absent[:8])}" if absent else ""
    starts = {m[0].casefold()[:_STEM]: m[0] for m in reversed(list(_WORD.finditer(question.text)))}
    quotes = (starts.get(term[:_STEM]) for term in there)
    return Sample(len(there) / len(wanted), told + missing, tuple(q for q in quotes if q)[:_QUOTES])


def _wanted(criteria: str) -> list[str]:
    """Quoted phrases as they are, and the words that carry meaning."""
    phrases = [next(filter(None, m.groups())).casefold() for m in _QUOTED.finditer(criteria)]
    rest = _QUOTED.sub(" ", criteria).casefold()
    words = [w for w in _WORD.findall(rest) if w not in _NO_CONTENT and (len(w) > 2 or w.isdigit())]
    return phrases + words


def _found(term: str, text: str, spoken: dict[str, str]) -> bool:
    return term in text if " " in term or term.isdigit() else term[:_STEM] in spoken
