"""The Chat, Attributes and Events pages as text, and their folds in a workbench."""

import json

import pytest
from fake_desk import FakeDesk, messages

from tracedesk.model.trace import Event
from tracedesk.reading import read
from tracedesk.reading.chat import chat_of
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.folds import Folds
from tracedesk.tui.view_models.pages.attributes import attributes_page
from tracedesk.tui.view_models.pages.chat import chat_page
from tracedesk.tui.view_models.pages.events import events_page
from tracedesk.tui.view_models.stack_trace import parts_of

MODEL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def said(role, text):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def talk():
    """Two model calls with a tool between them, which a tool span answers."""
    asks = {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"to": "MAD"}}
        ],
    }  # fmt: skip
    system, user = said("system", "Be terse. " * 80), said("user", "A flight, please.")

    def model(span_id, at, heard, spoke):
        attributes = {
            **MODEL,
            "gen_ai.input.messages": json.dumps(heard),
            "gen_ai.output.messages": json.dumps(spoke),
        }
        return make_span(
            span_id, span_id, "root", start_ms=at, end_ms=at + 10, attributes=attributes
        )

    return make_trace(
        make_span("root", "agent", start_ms=0, end_ms=100),
        model("plan", 0, [system, user], [asks]),
        make_tool("tool", "search", "root", arguments={"to": "MAD"}, result={"seats": 4},
                  start_ms=12, end_ms=20),
        model("answer", 30, [system, user, asks], [said("assistant", "Booked.")]),
    )  # fmt: skip


def text(lines):
    return "\n".join(line.text.rstrip() for line in lines)


def page_of(trace, width=60, folds=None, **about):
    return chat_page(chat_of(trace, read(trace)), width, folds or Folds(), **about)


def test_the_conversation_reads_from_top_to_bottom():
    assert text(page_of(talk())) == "\n".join(
        [
            "#1 plan",
            "▸ system  800 B  gen_ai.input.messages $[0].parts[0].content",
            "  Be terse. Be terse. Be terse. Be terse. Be terse. Be ters…",
            "▾ user  gen_ai.input.messages $[1].parts[0].content",
            "  A flight, please.",
            "  assistant  gen_ai.output.messages $[0]",
            "  → search",
            '    {"to": "MAD"}',
            '  ← {"seats": 4}',
            "",
            "#2 answer",
            "… 3 messages as in #1",
            "▾ assistant  gen_ai.output.messages $[0].parts[0].content",
            "  Booked.",
        ]
    )


def test_the_history_opens_and_closes():
    folds = Folds()
    past = next(line for line in page_of(talk()) if "as in #1" in line.text)
    folds.toggle(past.toggle)
    assert "▾ 3 messages as in #1\n▸ system" in text(page_of(talk(), folds=folds))
    folds.toggle(past.toggle)
    assert "… 3 messages as in #1\n▾ assistant" in text(page_of(talk(), folds=folds))


def test_a_span_shows_the_calls_at_and_below_it():
    page = text(page_of(talk(), within=lambda span: span == "answer"))
    assert page.startswith("#2 answer\n… 3 messages as in #1")
    assert "No model call" in text(page_of(talk(), within=lambda span: span == "nowhere"))


def test_values_of_the_conversation_know_their_path():
    by_text = {line.text.strip(): line for line in page_of(talk())}
    assert by_text["A flight, please."].value.path == (
        "gen_ai.input.messages $[1].parts[0].content"
    )
    assert by_text["→ search"].span == "tool"


def test_a_long_conversation_comes_in_pages():
    spans = [
        make_span(
            f"m{n}", "chat", "root", start_ms=n, end_ms=n + 1,
            attributes={**MODEL, "gen_ai.input.messages": messages("user", f"question {n}")},
        )
        for n in range(120)
    ]  # fmt: skip
    trace = make_trace(make_span("root", "agent", start_ms=0, end_ms=200), *spans)
    folds = Folds()
    page = page_of(trace, folds=folds)
    assert page[-1].text == "… 70 calls more, Enter shows the next 50"
    folds.toggle(page[-1].toggle)
    assert "question 99" in text(page_of(trace, folds=folds))


HOSTILE = "\u202eevil\x1b[31m \u0301\u0301 漢字 \x00 e\u0301"


@pytest.mark.parametrize("width", [12, 30, 60])
def test_no_line_is_wider_than_the_page_whatever_a_trace_says(width):
    attributes = {**MODEL, HOSTILE: HOSTILE * 9, "gen_ai.input.messages": messages("user", HOSTILE),
                  "deep": json.dumps({HOSTILE: [{HOSTILE: HOSTILE * 20}]})}  # fmt: skip
    event = Event(HOSTILE, T0_NS, {"exception.stacktrace": HOSTILE, HOSTILE: HOSTILE})
    raised = Event("exception", T0_NS, {"exception.type": HOSTILE, "exception.message": HOSTILE,
                                        "exception.stacktrace": f"at {HOSTILE}\n" * 9})  # fmt: skip
    span = make_span("m", HOSTILE, attributes=attributes, events=[event, raised])
    trace = make_trace(span)
    pages = (
        *page_of(trace, width, label_of=lambda _: HOSTILE),
        *attributes_page(span, None, width),
        *attributes_page(span, None, width, "evil"),
        *events_page(span, width),
    )
    from tracedesk.tui.text import plain

    for line in pages:
        shown = "".join(plain(piece.text) for piece in line.pieces)
        assert cells(shown) <= width, shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


# -- attributes --------------------------------------------------------------------------


def tree(attributes, search="", folds=None, width=60, **about):
    span = make_span("s", "span", attributes=attributes)
    return attributes_page(span, None, width, search, folds, **about)


def test_json_text_is_a_tree_with_paths():
    page = tree({"args": '{"to": "MAD", "who": [{"age": 4}]}', "n": 3})
    assert text(page) == "\n".join(
        [
            "Attributes  2",
            "▾ args  {2}  sent as text",
            '    to  "MAD"',
            "  ▾ who  [1]",
            "    ▾ [0]  {1}",
            "        age  4",
            "  n  3",
        ]
    )
    paths = [line.value.path for line in page if line.value is not None]
    assert paths == ["args", "args $.to", "args $.who", "args $.who[0]", "args $.who[0].age", "n"]


def test_a_large_value_stands_folded_with_its_size_and_opens_page_by_page():
    folds = Folds()
    many = {"rows": list(range(250))}
    assert text(tree(many, folds=folds)).endswith("▸ rows  [250]  891 B")
    folds.toggle(tree(many, folds=folds)[1].toggle)
    page = tree(many, folds=folds)
    assert page[-1].text.strip() == "… 150 more, Enter shows the next 100"
    folds.toggle(page[-1].toggle)
    assert tree(many, folds=folds)[-1].text.strip() == "… 50 more, Enter shows the next 100"


def test_a_search_keeps_what_holds_the_text_and_what_is_above_it():
    page = tree(
        {"args": {"to": "MAD", "who": [{"name": "Ana"}, {"name": "Bo"}]}, "model": "gpt-4o"}, "bo"
    )
    assert text(page) == "\n".join(
        [
            "Attributes  1 of 2",
            "▾ args  {2}",
            "  ▾ who  [2]",
            "    ▾ [1]  {1}",
            '        name  "Bo"',
        ]
    )
    assert any(piece == ("Bo", "match") for line in page for piece in line.pieces)


def test_a_blanked_value_says_who_blanked_it():
    assert "redacted by the sender" in text(tree({"key": "[REDACTED]"}))
    ours = tree({"key": "[REDACTED]"}, redacted_here=True)
    assert "redacted before it was stored" in text(ours)


def test_a_million_items_cost_a_page_of_them():
    value = {"rows": [{"n": n} for n in range(200_000)]}
    folds = Folds()
    assert len(tree(value, folds=folds)) == 2
    folds.toggle(tree(value)[1].toggle)
    assert len(tree(value, folds=folds)) < 400


def test_a_value_nested_without_end_is_laid_out():
    deep: object = "end"
    for _ in range(2_000):
        deep = [deep]
    assert len(tree({"deep": deep})) >= 2


# -- events ------------------------------------------------------------------------------

PYTHON = "Traceback (most recent call last):\n" + "".join(
    f'  File "/app/agent{n}.py", line {n}, in step{n}\n    call({n})\n' for n in range(9)
) + "TimeoutError: upstream"  # fmt: skip


def test_the_middle_of_a_stack_stands_folded():
    event = Event("exception", T0_NS + 7_000_000, {
        "exception.type": "TimeoutError", "exception.message": "upstream",
        "exception.stacktrace": PYTHON})  # fmt: skip
    span = make_span("s", "span", start_ms=0, end_ms=9, events=[event])
    folds = Folds()
    page = events_page(span, 70, folds)
    assert text(page).startswith("exception  +7ms\n  TimeoutError: upstream\n\n  Traceback")
    fold = next(line for line in page if "5 frames" in line.text)
    assert fold.text == "  ▸ 5 frames"
    assert "step0" in text(page)
    assert "step8" in text(page)
    assert "step4" not in text(page)
    folds.toggle(fold.toggle)
    assert "step4" in text(events_page(span, 70, folds))


@pytest.mark.parametrize(
    ("stack", "frames"),
    [
        (PYTHON, 9),
        ("TypeError: x\n    at f (/app/a.js:1:2)\n    at node:internal/x:3", 2),
        ("java.io.IOException\n\tat a.B.c(B.java:3)\nCaused by: x\n\tat d.E.f(E.java:9)", 2),
        ("main.go panic\nmain.run(0x1)\n\t/app/main.go:12 +0x1d\n", 1),
        ("nothing that is known", 0),
    ],
)
def test_frames_of_many_languages_are_known(stack, frames):
    runs = [part for part in parts_of(stack) if not isinstance(part, str)]
    assert sum(map(len, runs)) == frames


def test_no_line_of_a_stack_is_lost():
    stack = PYTHON + "\n\nDuring handling:\n" + PYTHON
    told = [
        line
        for part in parts_of(stack)
        for line in ((part,) if isinstance(part, str) else (x for f in part for x in f.lines))
    ]
    assert told == [line for line in stack.split("\n") if line]


def test_an_event_before_its_span_says_so():
    span = make_span(
        "s", "span", start_ms=5, end_ms=9, events=[Event("early", T0_NS + 2_000_000, {})]
    )
    assert text(events_page(span, 60)) == "early  -3ms"


# -- in a workbench ----------------------------------------------------------------------


@pytest.fixture
def talking():
    desk = FakeDesk()
    desk.add(talk(), "a talk")
    return desk


async def test_enter_opens_the_history_and_the_system_prompt(workbench, talking):
    async with workbench(talking) as session:
        await session.press("enter", "tab", "2")
        assert "… 3 messages as in #1" in "\n".join(session.lines("#page"))
        page = session.app.screen.query_one("#page")
        page.cursor = next(n for n, x in enumerate(page.lines) if "as in #1" in x.text)
        await session.press("enter")
        assert "▾ 3 messages as in #1" in "\n".join(session.lines("#page"))
        await session.press("h")
        assert "… 3 messages as in #1" in "\n".join(session.lines("#page"))
        await session.press("l")
        assert "▾ 3 messages as in #1" in "\n".join(session.lines("#page"))


async def test_the_path_of_a_message_is_copied(workbench, talking):
    async with workbench(talking) as session:
        await session.press("enter", "tab", "2", "j", "y", "k")
        assert session.app.clipboard == "gen_ai.input.messages $[0].parts[0].content"


@pytest.mark.parametrize("tab", "123456")
async def test_a_trace_may_go_while_any_tab_shows_it(workbench, talking, tab):
    async with workbench(talking) as session:
        await session.press("enter", tab)
        talking.remove(session.screen.opened.row.id)
        await session.until(lambda: session.screen.opened is None, "it is gone")
        await session.press("tab", "tab", "j", "enter", "o", "h", "y", "k")
        assert session.lines("#page") == []
