"""Where a failure is: what leads from a list of failures to the workbench."""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where a failure is to be seen."""

    trace: str
    case: str
    assertion: str
    span: str | None
