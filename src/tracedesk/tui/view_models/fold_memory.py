"""What was folded in the traces looked at last, by the ids of spans, so that it survives a restart
and a trace that was replaced meanwhile.
"""

from collections.abc import Iterable

import msgspec

from tracedesk.tui.view_models.span_tree import PARENT, SpanRows

TRACES = 8
"""Traces whose folds are remembered, the latest."""

SPANS = 60
"""Folded spans remembered of each, the topmost; as many opened runs of siblings."""

LOOKED_AT = 20_000
"""Folds, and runs of siblings, of a trace that are looked at for that."""

MAX_ID = 64
"""Characters of an id that is remembered; a longer one is not."""


class Folded(msgspec.Struct, frozen=True):
    """How one trace differed from how it opens."""

    trace: str
    folded: tuple[str, ...] = ()
    """Spans with children that were folded."""
    opened: tuple[str, ...] = ()
    """Heads of runs of siblings that were opened."""

    @classmethod
    def of(cls, trace: str, rows: SpanRows) -> "Folded":
        """What is to be remembered of a trace on screen."""
        folded = list(_parents(rows.folded))
        opened = [head for head in rows.groups.heads[:LOOKED_AT] if not rows.folded[head]]
        return cls(trace, _ids(rows, folded), _ids(rows, opened))

    def restore(self, rows: SpanRows) -> None:
        """Fold the same spans again; those that are gone are passed over."""
        for spans, turn in ((self.opened, rows.unfold), (self.folded, rows.fold)):
            for span in spans[:SPANS]:
                row = rows.row_of(span)
                if row is not None:
                    turn(row)


def remembered(known: Iterable[Folded], latest: Folded) -> tuple[Folded, ...]:
    """The latest last; a trace that is as it opened needs no memory."""
    others = [each for each in known if each.trace != latest.trace]
    if latest.folded or latest.opened:
        others.append(latest)
    return tuple(others[-TRACES:])


def _parents(folded: bytearray) -> Iterable[int]:
    at = folded.find(PARENT)
    for _ in range(LOOKED_AT):
        if at < 0:
            return
        yield at
        at = folded.find(PARENT, at + 1)


def _ids(rows: SpanRows, found: Iterable[int]) -> tuple[str, ...]:
    ids = (rows.span(row).span_id for row in found)
    return tuple(span for span in ids if len(span) <= MAX_ID)[:SPANS]
