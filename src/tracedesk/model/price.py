"""What a model costs."""

import msgspec


class Price(msgspec.Struct, frozen=True):
    """What a model costs, in USD per million tokens. The user's own table; none is built in."""

    input: float
    output: float
