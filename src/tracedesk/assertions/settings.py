"""What evaluation may depend on besides the assertion and the trace."""

from collections.abc import Mapping

import msgspec

from tracedesk.model.judgement import Judge
from tracedesk.model.price import Price as Price


class Settings(msgspec.Struct, frozen=True, eq=False):
    """Settings of one evaluation; the same object gives the same verdicts."""

    timezone: str = "UTC"
    """The agent's time zone, an IANA name."""
    regex_timeout_s: float = 0.25
    """Time limit of one pattern search, in seconds."""
    judge: Judge | None = None
    """Answers ``semantic``, which is ``skipped`` without one. A verdict depends on what it
    knows by then, and is found again when it knows more."""
    prices: Mapping[str, Price] = {}
    """Model name → price, for ``cost_limit``."""
    identity: str = ""
    """Tells judge and prices from others in what is kept between runs; blank without them."""
    cautions_as_missing: tuple[str, ...] = ()
    """Caution codes that turn a pass into missing (assertion spec 2)."""
