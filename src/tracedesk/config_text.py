"""Edits of the text of ``tracedesk.toml`` that leave every other byte as it is.

Only the table that changes is parsed and written by tomlkit; comments before the next table
are not its own, wherever a parser would count them. Each edit is proved before it is given
back: the new text must read as the old one with just that change.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array

BY_HAND = "the file is written in a way that cannot be changed here; edit it by hand"


class EditError(ValueError):
    """The edit cannot be made; the text says why, and nothing was changed."""


class _Segment(msgspec.Struct, frozen=True):
    """A table as it stands in the text, from its header to the next one."""

    path: tuple[str, ...]
    """The key in the header; empty for what stands before the first one."""
    start: int
    end: int
    said: int
    """End of the last line that says something."""
    own: int
    """End of the comments that still belong to it: what follows is the next one's."""


def add_agent(text: str, fields: Mapping[str, Any]) -> str:
    """The text with one more agent behind the others. Raises EditError."""
    blocks = _agents(text)
    expected = tomllib.loads(text)
    expected.setdefault("agents", []).append(dict(fields))
    if not blocks and "agents" in tomllib.loads(text):
        new = _with_fragment(text, _root(text), lambda doc: doc["agents"].append(_inline(fields)))
        return _proved(new, expected)
    document = tomlkit.document()
    tables = tomlkit.aot()
    tables.append(_table(fields))
    document["agents"] = tables
    at = blocks[-1][-1].own if blocks else len(text)
    before = text[:at]
    lead = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    added = _line_ends(lead + tomlkit.dumps(document), text)
    return _proved(before + added + text[at:], expected)


def edit_agent(text: str, place: int, put: Mapping[str, Any], drop: Iterable[str] = ()) -> str:
    """The text with keys of the agent at ``place`` (from 0) set, and others dropped. A table,
    such as ``n8n``, is merged into the one there. Raises EditError."""
    expected = tomllib.loads(text)
    entry = expected["agents"][place]
    dropped = [key for key in drop if key in entry]
    for key in dropped:
        del entry[key]
    for key, value in put.items():
        entry[key] = {**entry.get(key, {}), **value} if isinstance(value, dict) else value
    blocks = _agents(text)
    if not blocks:
        change = _change(put, dropped)
        return _proved(
            _with_fragment(text, _root(text), lambda doc: change(doc["agents"][place])), expected
        )
    base, *below = blocks[place]
    subtables = {segment.path[1]: segment for segment in below}
    for key in reversed(subtables):  # from the back, so that what stands before keeps its place
        segment = subtables[key]
        if key in dropped:
            text = _without(text, segment.start, segment.own)
        elif key in put:
            text = _with_fragment(text, segment, _merging(key, put[key]))
    here = {key: value for key, value in put.items() if key not in subtables}
    change = _change(here, [key for key in dropped if key not in subtables])
    return _proved(_with_fragment(text, base, lambda doc: change(doc["agents"][0])), expected)


def remove_agent(text: str, place: int) -> str:
    """The text without the agent at ``place``, from 0. Raises EditError."""
    expected = tomllib.loads(text)
    del expected["agents"][place]
    blocks = _agents(text)
    if not blocks:

        def remove(doc: Any) -> None:
            del doc["agents"][place]

        return _proved(_with_fragment(text, _root(text), remove), expected)
    if not expected["agents"]:
        del expected["agents"]
    for segment in reversed(blocks[place]):
        text = _without(text, segment.start, segment.own)
    return _proved(text, expected)


# -- where tables stand ------------------------------------------------------------------


def _segments(text: str) -> list[_Segment]:
    """A line that begins with a bracket is a header if the text before it is whole; inside
    an array or a text of several lines it is not."""
    starts: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    at = 0
    for line in _lines(text):
        if line.lstrip(" \t").startswith("[") and _reads(text[:at]):
            starts.append((at, _header(line)))
        at += len(line)
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [
        _segment(text, path, start, end) for (start, path), end in zip(starts, ends, strict=True)
    ]


def _segment(text: str, path: tuple[str, ...], start: int, end: int) -> _Segment:
    lines = _lines(text[start:end])
    count = len(lines)
    while count and _is_trivia(lines[count - 1]):
        count -= 1
    while count < len(lines) and not _reads("".join(lines[:count])):
        count += 1  # a text of several lines whose last line looks like a comment
    own = count
    while own < len(lines) and lines[own].strip():
        own += 1
    if own == len(lines) and end < len(text):
        own = count  # no blank line before the next header: the comments are its own
    said = start + sum(map(len, lines[:count]))
    return _Segment(path, start, end, said, start + sum(map(len, lines[:own])))


def _lines(text: str) -> list[str]:
    """Lines as TOML has them, with their ends: other programs' line breaks end no line."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [text[text.rfind("\n") + 1 :]]


def _is_trivia(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _reads(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _header(line: str) -> tuple[str, ...]:
    path: list[str] = []
    found: Any = tomllib.loads(line)
    while found:
        if isinstance(found, list):
            found = found[0]
            continue
        ((key, found),) = found.items()
        path.append(key)
    return tuple(path)


def _root(text: str) -> _Segment:
    return _segments(text)[0]


def _agents(text: str) -> list[list[_Segment]]:
    """Of each ``[[agents]]`` its own segment, then those of the tables below it; empty when
    they are written as one array of inline tables, or there is none."""
    blocks: list[list[_Segment]] = []
    for segment in _segments(text):
        if segment.path == ("agents",):
            blocks.append([segment])
        elif segment.path[:1] == ("agents",):
            blocks[-1].append(segment)
    return blocks


# -- changing one ------------------------------------------------------------------------


def _with_fragment(text: str, segment: _Segment, change: Callable[[Any], object]) -> str:
    """The text with one segment parsed, changed and written again."""
    start, end = segment.start, segment.said
    fragment = text[start:end]
    if end == len(text) and fragment and not fragment.endswith("\n"):
        fragment += "\n"
    try:
        document = tomlkit.parse(fragment.replace("\r\n", "\n") if _windows(fragment) else fragment)
        change(document)
    except TOMLKitError as fault:
        raise EditError(f"{BY_HAND} ({fault})") from fault
    return text[:start] + _line_ends(tomlkit.dumps(document), text) + text[end:]


def _merging(key: str, fields: Mapping[str, Any]) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["agents"][key].update(fields)

    return change


def _change(put: Mapping[str, Any], drop: Iterable[str]) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for key in drop:
            del table[key]
        for key, value in put.items():
            if isinstance(value, dict):
                if key in table:
                    table[key].update(value)
                else:
                    table[key] = _inline(value)
            elif isinstance(value, list) and isinstance(table.get(key), Array):
                _rewrite(table, key, value)
            elif table.get(key) != value:
                table[key] = value

    return change


def _rewrite(table: Any, key: str, wanted: list[Any]) -> None:
    """Change as few elements of an array as possible: each may have a comment."""
    array = table[key]
    for at in reversed(range(len(array))):
        if array[at] not in wanted:
            del array[at]
    for value in wanted[len(array) :]:
        array.append(value)
    if array.unwrap() != wanted:
        table[key] = wanted


def _table(fields: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for key, value in fields.items():
        table[key] = _inline(value) if isinstance(value, Mapping) else value
    return table


def _inline(fields: Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    table.update(fields)
    return table


def _without(text: str, start: int, end: int) -> str:
    """The text without a piece of whole lines, and without the blank line that parted it."""
    before, after = text[:start], text[end:]
    parted = not after or not _lines(after)[0].strip()
    if parted and before.endswith("\n\n"):
        before = before[:-1]
    elif parted and before.endswith("\r\n\r\n"):
        before = before[:-2]
    elif parted and not before:
        after = after.removeprefix("\r\n").removeprefix("\n")
    return before + after


def _windows(text: str) -> bool:
    """Does every line end as on Windows?"""
    return 0 < text.count("\r\n") == text.count("\n")


def _line_ends(added: str, text: str) -> str:
    if not _windows(text) or "\r\n" in added:
        return added
    return added.replace("\n", "\r\n")


def _proved(text: str, expected: dict[str, Any]) -> str:
    try:
        right = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise EditError(BY_HAND)
    return text
