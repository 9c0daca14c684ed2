"""The Chat page: messages by role, tool calls with their results, what was said before in one line.

On a root it is the conversation of the whole trace, elsewhere that of the model calls at and
below the span. Each message names the attribute it stands in.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tracedesk.model.trace import Span
from tracedesk.query.text import counted
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit
from tracedesk.tui.view_models.folds import MORE, Folds
from tracedesk.tui.view_models.pages.builder import LabelOf, Page
from tracedesk.tui.view_models.pages.json_lines import inline
from tracedesk.tui.view_models.span_line import model_and_tokens

if TYPE_CHECKING:
    from tracedesk.reading.chat import Chat, Exchange
    from tracedesk.reading.chat_calls import Asked, Saying

Within = Callable[[str], bool]
"""True for the id of a span that the page is about."""

SpanOf = Callable[[str], Span | None]

CALLS_A_PAGE = 50
"""Model calls laid out at a time; a line at the end asks for the next."""

ROLE_ROLES = {"user": "accent", "assistant": "model", "tool": "tool", "system": "dim"}

SHORT_SYSTEM = 400
"""Characters of a system prompt that is shown unfolded."""


def chat_page(
    chat: "Chat | None",
    width: int,
    folds: Folds,
    *,
    within: Within | None = None,
    span_of: SpanOf = lambda _: None,
    label_of: LabelOf = str,
) -> list[Line]:
    """The conversation; None while it is being read. ``within`` keeps the calls of some spans."""
    page = Page(width)
    if chat is None:
        page.prose("reading the messages …", "faint", indent=0)
        return page.lines
    shown = list(_about(chat, within))
    if not shown:
        page.prose(_nothing(within), "dim", indent=0)
        return page.lines
    upto = folds.pages("chat") * CALLS_A_PAGE
    for exchange in shown[:upto]:
        _exchange(page, exchange, folds, span_of, label_of)
    if len(shown) > upto:
        told = f"… {counted(len(shown) - upto, 'call')} more, Enter shows the next {CALLS_A_PAGE}"
        page.blank()
        page.add(Piece(told, "accent"), toggle=MORE + "chat", folded=True)
    if chat.left_out and len(shown) <= upto and within is None:
        page.blank()
        page.prose(f"{counted(chat.left_out, 'later model call')} are not read here.", "warn")
    return page.lines


def _about(chat: "Chat", within: Within | None) -> "Iterator[Exchange]":
    if within is None:
        yield from (e for e in chat.exchanges if e.heard or e.spoke)
        return
    own = [e for e in chat.exchanges if e.span is not None and within(e.span)]
    inside = {e.span for e in own if e.number}
    yield from own
    if not inside:
        yield from (e for e in chat.outer if e.span is not None and within(e.span))


def _nothing(within: Within | None) -> str:
    if within is None:
        return "No messages were found in this trace; Reading (1) says what was tried."
    return "No model call and no message here; the root shows those of the whole trace."


def _exchange(
    page: Page, exchange: "Exchange", folds: Folds, span_of: SpanOf, label_of: LabelOf
) -> None:
    key = f"chat {exchange.span or 'given'}"
    if exchange.number:
        _title(page, exchange, span_of, label_of)
    elif not exchange.span or exchange.heard:
        page.heading(_untold(exchange, label_of))
    else:
        page.blank()
    sayings = [*exchange.heard, *exchange.spoke]
    same = exchange.same
    if same:
        past = f"{key} past"
        shown = folds.open(past, False)
        mark = "▾" if shown else "…"
        words = f"{mark} {counted(same, 'message')} as in #{exchange.as_in}"
        page.add(Piece(fit(words, page.width), "faint"), toggle=past, folded=not shown)
        if not shown:
            sayings = sayings[same:]
    for saying in sayings:
        _saying(page, saying, f"{key} {saying.place}", folds)


def _untold(exchange: "Exchange", label_of: LabelOf) -> str:
    if exchange.span:
        return label_of(exchange.span)
    if exchange.heard:
        return "Given to the trace"
    return "Response of the trace"


def _title(page: Page, exchange: "Exchange", span_of: SpanOf, label_of: LabelOf) -> None:
    page.blank()
    span = None if exchange.span is None else span_of(exchange.span)
    label = "" if exchange.span is None else label_of(exchange.span)
    model, tokens = model_and_tokens(span) if span is not None else ("", "")
    took = figures.duration(span.duration_ns) if span is not None else ""
    beside = " · ".join(filter(None, (model if model not in label else "", tokens, took)))
    title = fit(f"#{exchange.number} {label}", page.width)
    room = page.width - cells(title) - 2
    page.add(
        Piece(title, "heading"),
        Piece("  " + fit(beside, room) if beside and room > 4 else "", "faint"),
        span=exchange.span,
    )


def _saying(page: Page, saying: "Saying", key: str, folds: Folds) -> None:
    text = saying.text or ""
    if saying.role != "tool" or text or saying.results:
        _speaker(page, saying, text, key, folds)
    for call in saying.calls:
        _call(page, call, saying.place)
    for result in saying.results:
        page.add(Piece("  ← ", "dim"), Piece(fit(result.name or "result", page.width - 4), "tool"))
        page.json(result.value, f"result of {result.name or 'a tool'}", path=saying.place, indent=4)


def _speaker(page: Page, saying: "Saying", text: str, key: str, folds: Folds) -> None:
    shown = folds.open(key, saying.role != "system" or len(text) <= SHORT_SYSTEM)
    value = Value(f"{saying.role} message", text, saying.place) if text else None
    mark = ("▾ " if shown else "▸ ") if text or saying.thoughts else "  "
    lead = fit(f"{mark}{saying.role}", page.width)
    room = page.width - cells(lead) - 2
    beside = saying.place
    if not shown:
        beside = f"{figures.size(value.size)}  {beside}" if value is not None else beside
    page.add(
        Piece(lead, ROLE_ROLES.get(saying.role, "strong")),
        Piece("  " + _tail(beside, room) if room > 6 and beside else "", "faint"),
        toggle=key if text or saying.thoughts else "",
        folded=not shown,
        value=value,
    )
    if not shown:
        first = next(iter(text.strip().splitlines()), "")
        page.add(Piece("  " + fit(first, page.width - 2), "dim"), value=value)
        return
    if saying.thoughts:
        page.text(saying.thoughts, "reasoning", path=saying.place, role="faint")
    if text:
        page.json(text, f"{saying.role} message", path=saying.place) if _is_json(text) else (
            page.text(text, f"{saying.role} message", path=saying.place)
        )
    for named in saying.media:
        page.add(Piece("  ▪ ", "dim"), Piece(fit(named, page.width - 4), "retrieval"))
    if not text and not saying.calls and not saying.media and not saying.results:
        page.add(Piece("  (empty)", "faint"))


def _call(page: Page, call: "Asked", place: str) -> None:
    """What a tool was given and gave back."""
    mark, role = ("✖", "bad") if call.failed else ("→", "tool")
    page.add(
        Piece(f"  {mark} ", role),
        Piece(fit(call.name, page.width - 4), "tool"),
        span=call.span,
    )
    short = inline(call.arguments) if call.arguments is not None else "no arguments"
    value = Value(f"arguments of {call.name}", call.arguments, place)
    if cells(short) <= page.width - 4 and "\n" not in short:
        page.add(Piece("    "), Piece(short, "string"), value=value)
    else:
        page.json(call.arguments, f"arguments of {call.name}", path=place, indent=4)
    if call.message:
        page.prose(call.message, "bad", indent=4, span=call.span)
    if call.known:
        _result(page, call)
    elif not call.message:
        page.add(Piece("  ← ", "dim"), Piece(fit("no result captured", page.width - 4), "faint"))


def _result(page: Page, call: "Asked") -> None:
    title = f"result of {call.name}"
    short = inline(call.result)
    role = "bad" if call.failed else ""
    if cells(short) <= page.width - 4 and "\n" not in short:
        value = Value(title, call.result, call.place)
        page.add(Piece("  ← ", "dim"), Piece(short, role), value=value)
        return
    page.add(Piece("  ← ", "dim"), Piece(_tail(call.place, page.width - 4), "faint"))
    page.json(call.result, title, path=call.place, indent=4)


def _tail(text: str, room: int) -> str:
    """The end of a place, which tells more than its beginning, in so many cells."""
    if len(text) <= room and cells(text) <= room:
        return fit(text, room)
    return "…" + fit(text[-(room - 1) :], room - 1) if room > 1 else ""


def _is_json(text: str) -> bool:
    return text[:64].lstrip()[:1] in ("{", "[") and len(text) > 1
