"""Payload of spans that are built from an older ``data`` body: what was executed, with places.

The formats write it, the reading turns it into calls; nothing in between guesses again.
"""

from typing import Any

from tracedesk.model.trace import Decoded


class Absent:
    """Type of ``ABSENT``: not recorded, which differs from a recorded null."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()


class Built(Decoded):
    """One node or tool entry. ``attributes`` hold the entry as it was sent."""

    __slots__ = (
        "arguments",
        "arguments_place",
        "chosen",
        "output",
        "output_place",
        "parameters",
        "requested_only",
        "tools_known",
        "type",
    )

    def __init__(
        self,
        attributes: dict[str, Any] | None = None,
        *,
        type: str | None = None,
        arguments: Any = ABSENT,
        arguments_place: str = "",
        output: Any = ABSENT,
        output_place: str = "",
        parameters: dict[str, Any] | None = None,
        tools_known: bool = True,
        requested_only: bool = False,
        chosen: Any = ABSENT,
    ) -> None:
        super().__init__(attributes)
        self.type = type
        self.arguments = arguments
        self.arguments_place = arguments_place
        self.output = output
        self.output_place = output_place
        self.parameters = parameters
        self.tools_known = tools_known
        self.requested_only = requested_only
        self.chosen = output if chosen is ABSENT else chosen
        """The part of the output that response and token rules read."""
