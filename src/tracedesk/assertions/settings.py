"""What evaluation may depend on besides the assertion and the trace."""

from collections.abc import Mapping

import msgspec


class Price(msgspec.Struct, frozen=True):
    """What a model costs, in USD per million tokens. The user's own table; none is built in."""

    input: float
    output: float


class Settings(msgspec.Struct, frozen=True):
    """Settings of one evaluation. Equal settings give equal verdicts."""

    timezone: str = "UTC"
    """The agent's time zone, an IANA name."""
    regex_timeout_s: float = 0.25
    """Time limit of one pattern search, in seconds."""
    judge: None = None
    """No judge decides here; ``semantic`` is answered ``skipped``."""
    prices: Mapping[str, Price] = {}
    """Model name → price, for ``cost_limit``."""
    cautions_as_missing: tuple[str, ...] = ()
    """Caution codes that turn a pass into missing (assertion spec 2)."""
