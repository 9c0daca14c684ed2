"""What the workers of the editor tell it."""

from textual.message import Message

from tracedesk.authoring.completion import Completions
from tracedesk.authoring.trial import Trial
from tracedesk.authoring.vocabulary import Vocabulary


class WordsKnown(Message):
    """The names of the stored traces were read."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary


class Completed(Message):
    """The words that fit a version of the text; ``asked`` when a key asked for them."""

    def __init__(self, found: Completions, version: int, *, asked: bool) -> None:
        super().__init__()
        self.found = found
        self.version = version
        self.asked = asked


class Tried(Message):
    """A version of the text was loaded and evaluated."""

    def __init__(self, trial: Trial, version: int) -> None:
        super().__init__()
        self.trial = trial
        self.version = version


class Saved(Message):
    """The text was saved."""

    def __init__(self, content: bytes, *, close: bool) -> None:
        super().__init__()
        self.content = content
        self.close = close


class SaveRefused(Message):
    """The text could not be saved, and why."""

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


class DiskChanged(Message):
    """The file is not what the text was made from; None when it is gone. ``seen``: it was only
    looked at."""

    def __init__(self, found: bytes | None, *, seen: bool = False) -> None:
        super().__init__()
        self.found = found
        self.seen = seen
