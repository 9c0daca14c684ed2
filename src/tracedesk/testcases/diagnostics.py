"""Collects what is wrong with a file and says who is affected by each error.

The path decides: below an assertion it breaks that assertion, below a case that case,
anywhere else the whole file (assertion spec 5.2).
"""

from collections.abc import Iterable, Mapping

from tracedesk.query.names import nearest
from tracedesk.query.paths import ROOT, step
from tracedesk.query.problems import Problem
from tracedesk.testcases.models import Diagnostic
from tracedesk.testcases.positions import Mark, Node, Path

MAX_DIAGNOSTICS = 200
"""Kept for one file; an alias can repeat one mistake a thousand times."""


def _owner(path: Path) -> Path:
    """Whom an error at this path breaks: its assertion, else its case, else the file."""
    match path:
        case ("cases", int(), "assertions", int(), *_):
            return path[:4]
        case ("cases", int(), *_):
            return path[:2]
    return ()


class Diagnostics:
    """The diagnostics of one file while it is being read."""

    def __init__(self, file: str, root: Node | None = None) -> None:
        self.file = file
        self.root = root
        self._found: list[Diagnostic] = []
        self._errors: dict[Path, list[Diagnostic]] = {}
        self.misspelt: set[Path] = set()
        """Where a key is that another one was probably meant for."""

    def add(
        self,
        path: Path,
        code: str,
        message: str,
        *,
        suggestion: str | None = None,
        severity: str = "error",
        on_key: bool = False,
        mark: Mark | None = None,
    ) -> None:
        """Report something at a path; the place is looked up in the tree unless given."""
        if mark is None:
            mark = self.root.locate(path, on_key=on_key) if self.root else Mark(1, 1)
        if suggestion and "did you mean" not in message:
            message = f"{message}; did you mean '{suggestion}'?"
        diagnostic = Diagnostic(
            file=self.file,
            line=mark.line,
            column=mark.column,
            severity=severity,
            code=code,
            message=message,
            path=ROOT + "".join(step(key) for key in path),
            suggestion=suggestion,
        )
        self._found.append(diagnostic)
        if diagnostic.is_error:
            self._errors.setdefault(_owner(path), []).append(diagnostic)

    def add_problems(self, problems: Iterable[Problem], above: Path) -> None:
        """Report what an assertion or condition below ``above`` found wrong with itself."""
        for problem in problems:
            message = problem.message
            if message.startswith(("needs ", "cannot ")):  # said of the field the path names
                field = next((key for key in reversed(problem.path) if isinstance(key, str)), "it")
                message = f"'{field}' {message}"
            self.add(
                (*above, *problem.path),
                problem.code,
                message,
                suggestion=problem.suggestion,
                severity=problem.severity,
                on_key=problem.on_key,
            )

    def add_faults(self) -> None:
        """Report what the reader of the text got past, such as repeated keys."""
        if self.root is not None:
            for path, fault in self.root.all_faults():
                if len(self._found) >= MAX_DIAGNOSTICS:
                    break
                self.add(path, fault.code, fault.message, mark=fault.mark)

    def unknown_keys(self, found: Mapping[str, object], known: Iterable[str], path: Path) -> None:
        """Report every key that is neither known nor an ``x-`` extension."""
        names = tuple(known)
        for key in found:
            if key not in names and not key.startswith("x-"):
                meant = nearest(key, names)
                if meant is not None:
                    self.misspelt.add((*path, meant))
                self.add(
                    (*path, key),
                    "unknown-key",
                    f"unknown key {key!r}",
                    suggestion=meant,
                    on_key=True,
                )

    def errors_of(self, owner: Path) -> tuple[Diagnostic, ...]:
        """Errors that break exactly this owner: an assertion, a case, or ``()``, the file."""
        return tuple(self._errors.get(owner, ()))

    def mark(self, path: Path) -> Mark:
        """Where a path is written."""
        return self.root.locate(path) if self.root else Mark(1, 1)

    def places(self, path: Path) -> dict[str, int]:
        """Lines of the keys of the mapping at ``path``."""
        node = self.root
        for key in path:
            node = node.child(key) if node else None
        return {name: mark.line for name, mark in node.keys.items()} if node else {}

    def listed(self) -> tuple[Diagnostic, ...]:
        """All of them in file order, one per place and message, at most ``MAX_DIAGNOSTICS``."""
        ordered = sorted(dict.fromkeys(self._found), key=lambda d: (d.line, d.column))
        return tuple(ordered[:MAX_DIAGNOSTICS])
