"""Edits of test-case files that leave every other byte as it is: comments, layout, line ends.

Each edit is checked before it is given back: the new text must read as the old one with just
that change, and loading it must find nothing new to complain of. Else it raises ``EditError``
and nothing was changed. Removing what was added last gives back the original text.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tracedesk.testcases.emit import Unwritable
from tracedesk.testcases.json_text import parse_json
from tracedesk.testcases.layout import Layout, Lines, layout_of
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import Diagnostic
from tracedesk.testcases.positions import Node, Path, UnreadableText
from tracedesk.testcases.splice import Splice, Splicer
from tracedesk.testcases.yaml import parse_yaml

CaseName = str | int
"""A case by name, by id, or by its place in ``cases``, from 0."""

_BOM = "\ufeff"


class EditError(ValueError):
    """The edit cannot be made; the text says why, and the file is as it was."""


def add_assertion(text: str, case: CaseName, assertion: dict[str, Any], *, file: str) -> str:
    """The text with one more assertion at the end of a case. ``file``: its suffix tells JSON."""
    source = _Source(text, file)
    path = (*source.case(case), "assertions")
    return source.changed(
        lambda value: _at(value, path).append(assertion),
        lambda splicer: splicer.append(source.layout(path), assertion),
    )


def replace_assertion(
    text: str, case: CaseName, place: int, assertion: dict[str, Any], *, file: str
) -> str:
    """The text with the assertion at a place, from 0, changed. Only what differs is rewritten."""
    source = _Source(text, file)
    path = (*source.case(case), "assertions", place)
    old = source.value_at(path)

    def change(value: Any) -> None:
        _at(value, path[:-1])[place] = assertion

    return source.changed(
        change, lambda splicer: splicer.rewrite(source.layout(path), old, assertion)
    )


def remove_assertion(text: str, case: CaseName, place: int, *, file: str) -> str:
    """The text without the assertion at a place, from 0, which may not be the only one."""
    source = _Source(text, file)
    return source.without((*source.case(case), "assertions"), place, "assertion of a case")


def add_case(text: str, case: dict[str, Any], *, file: str) -> str:
    """The text with one more case at its end."""
    source = _Source(text, file)
    return source.changed(
        lambda value: value["cases"].append(case),
        lambda splicer: splicer.append(source.layout(("cases",)), case),
    )


def remove_case(text: str, case: CaseName, *, file: str) -> str:
    """The text without a case, which may not be the only one."""
    source = _Source(text, file)
    place = source.case(case)[1]
    assert isinstance(place, int)
    return source.without(("cases",), place, "case of a file")


def set_status(text: str, case: CaseName, status: str, *, file: str) -> str:
    """The text with a case's ``status`` set; unchanged when that is its status already."""
    source = _Source(text, file)
    path = source.case(case)
    entry = source.value_at(path)
    defaults = source.value.get("defaults")
    default = defaults.get("status", "active") if isinstance(defaults, dict) else "active"
    if entry.get("status", default) == status:
        return text

    def change(value: Any) -> None:
        _at(value, path)["status"] = status

    if "status" in entry:
        where = (*path, "status")
        return source.changed(
            change, lambda splicer: splicer.rewrite(source.layout(where), entry["status"], status)
        )
    return source.changed(
        change, lambda splicer: splicer.add_key(source.layout(path), "name", "status", status)
    )


class _Source:
    """A text that is to be edited, read once."""

    def __init__(self, text: str, file: str) -> None:
        self.bom = _BOM if text.startswith(_BOM) else ""
        self.text = text.removeprefix(_BOM)
        self.file = file
        self.json = file.lower().endswith(".json")
        try:
            node = self._parsed(self.text)
        except UnreadableText as fault:
            raise EditError(f"{file}:{fault.mark.line}: {fault.message}") from None
        root = layout_of(self.text, json=self.json)
        if node is None or root is None or not isinstance(node.value, dict):
            raise EditError(f"{file}: this is no file of test cases")
        self.node = node
        self.value = node.value
        self.root = root

    def _parsed(self, text: str) -> Node | None:
        return parse_json(text) if self.json else parse_yaml(text)

    def case(self, case: CaseName) -> Path:
        """The path of a case."""
        cases = self.value.get("cases")
        entries = cases if isinstance(cases, list) else []
        if isinstance(case, int):
            if not 0 <= case < len(entries):
                raise EditError(f"{self.file}: there is no case {case + 1}")
            return ("cases", case)
        loaded = load_text(self.text, self.file).cases
        lines = {found.line for found in loaded if case in (found.id, found.name)}
        places = [
            place
            for place, entry in enumerate(entries)
            if isinstance(entry, dict) and case in (entry.get("id"), entry.get("name"))
        ] or [n for n in range(len(entries)) if self.node.locate(("cases", n)).line in lines]
        if len(places) != 1:
            found = "there is no case" if not places else f"{len(places)} cases are called"
            raise EditError(f"{self.file}: {found} {case!r}")
        return ("cases", places[0])

    def layout(self, path: Path) -> Layout:
        found = self.root.at(path)
        if found is None or found.kind == "alias":
            raise EditError(f"{self.file}: {_words(path)} is not written here but by an alias")
        return found

    def value_at(self, path: Path) -> Any:
        try:
            return _at(self.value, path)
        except (KeyError, IndexError, TypeError):
            raise EditError(f"{self.file}: there is no {_words(path)}") from None

    def without(self, path: Path, place: int, what: str) -> str:
        """The text without one item of a list."""
        items = self.value_at(path)
        if not isinstance(items, list) or not 0 <= place < len(items):
            raise EditError(f"{self.file}: there is no {_words((*path, place))}")
        if len(items) == 1:
            raise EditError(f"{self.file}: the only {what} cannot be removed")
        layout = self.layout(path)

        def change(value: Any) -> None:
            del _at(value, path)[place]

        return self.changed(change, lambda splicer: splicer.remove(layout, place))

    def changed(
        self, change: Callable[[Any], None], splices: Callable[[Splicer], Iterator[list[Splice]]]
    ) -> str:
        """The first of the proposed texts that reads as the value with the change."""
        wanted = json.loads(_exact(self.value))  # aliases come apart: one place is edited
        try:
            change(wanted)
            wanted_text = _exact(wanted)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as fault:
            raise EditError(f"{self.file}: this cannot be written here: {fault}") from None
        splicer = Splicer(self.text, Lines(self.text, json=self.json), json=self.json)
        try:
            for proposed in splices(splicer):
                text = _spliced(self.text, proposed)
                if self._reads_as(text, wanted_text):
                    self._refuse_new_faults(text)
                    return self.bom + text
        except Unwritable as fault:
            raise EditError(f"{self.file}: {fault}") from None
        words = "laid out in a way that this edit would break; change it by hand"
        if self.text and not self.text.endswith(("\n", "\r")):  # a block text would grow by one
            words = "the last line has no line break, so nothing can be put below it; add one"
        raise EditError(f"{self.file}: {words}")

    def _reads_as(self, text: str, wanted: str) -> bool:
        try:
            node = self._parsed(text)
        except UnreadableText:
            return False
        return node is not None and _exact(node.value) == wanted

    def _refuse_new_faults(self, text: str) -> None:
        before = Counter(map(_fault, load_text(self.text, self.file).diagnostics))
        for diagnostic in load_text(text, self.file).diagnostics:
            fault = _fault(diagnostic)
            before[fault] -= 1
            if before[fault] < 0:
                raise EditError(f"{self.file}: that would be wrong: {diagnostic.message}")


def _fault(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.message


def _exact(value: Any) -> str:
    """A value as text that tells apart what compares equal, such as 1 and 1.0."""
    return json.dumps(value, allow_nan=False, sort_keys=True)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _words(path: Path) -> str:
    match path:
        case ("cases", int(case), "assertions", int(place), *_):
            return f"assertion {place + 1} of case {case + 1}"
        case ("cases", int(case), *_):
            return f"case {case + 1}"
    return "list of cases"


def _spliced(text: str, splices: Sequence[Splice]) -> str:
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text
