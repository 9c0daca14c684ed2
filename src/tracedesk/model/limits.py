"""How much of what was received is kept: the ``[retention]`` table."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Each limit holds by itself, so the tightest decides; None does not limit."""

    days: float | None = None
    """Age since a trace was last accepted or changed."""
    traces: int | None = None
    megabytes: float | None = None
    """Size of the database in millions of bytes, earlier revisions and indexes included."""

    def __bool__(self) -> bool:
        return (self.days, self.traces, self.megabytes) != (None, None, None)
