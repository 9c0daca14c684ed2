"""Real saves, noticed: in place, by rename, half-written, deleted, in bursts, in new folders."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.watch import Watcher

WAIT_S = 10.0


def cases(*names: str) -> str:
    body = "".join(
        f"  - name: {name}\n    assertions: [{{target: node_call, expected_name: x}}]\n"
        for name in names
    )
    return f"cases:\n{body}"


class Heard:
    """The lists handed over, and waiting for one that looks right."""

    def __init__(self) -> None:
        self.calls: list[list[CaseFile]] = []
        self._condition = threading.Condition()

    def __call__(self, files: list[CaseFile]) -> None:
        with self._condition:
            self.calls.append(files)
            self._condition.notify_all()

    def until(self, right: Callable[[dict[str, CaseFile]], bool]) -> dict[str, CaseFile]:
        def latest() -> dict[str, CaseFile]:
            return {file.path: file for file in self.calls[-1]} if self.calls else {}

        with self._condition:
            met = self._condition.wait_for(lambda: bool(self.calls) and right(latest()), WAIT_S)
            assert met, f"last heard: {latest()}"
            return latest()


def names(file: CaseFile | None) -> list[str]:
    return [case.name for case in file.cases] if file else []


Start = Callable[..., Heard]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Watch paths below ``tmp_path``; returns what is heard once changes are noticed."""
    watchers: list[Watcher] = []

    def watch(*paths: str) -> Heard:
        heard = Heard()
        watcher = Watcher([tmp_path / path for path in paths], tmp_path, heard)
        watchers.append(watcher)
        watcher.start()
        assert watcher.watching.wait(WAIT_S)
        return heard

    yield watch
    for watcher in watchers:
        watcher.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "testcases"
    path.mkdir()
    return path


def test_what_is_there_is_handed_over_first(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    assert names(heard.until(lambda files: bool(files))["testcases/a.yaml"]) == ["one"]


def test_a_write_in_place(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    (folder / "a.yaml").write_text(cases("two"))
    heard.until(lambda files: names(files.get("testcases/a.yaml")) == ["two"])


def test_a_save_by_rename_and_the_one_after_it(folder: Path, start: Start) -> None:
    """Editors write beside and rename; a watch on the file itself would lose it here."""
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    for name in ("two", "three"):
        beside = folder / "a.yaml~"
        beside.write_text(cases(name))
        os.replace(beside, folder / "a.yaml")
        heard.until(lambda files, name=name: names(files.get("testcases/a.yaml")) == [name])


def test_a_file_named_itself(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    (folder / "b.yaml").write_text(cases("other"))
    heard = start("testcases/a.yaml")
    os.replace(folder / "b.yaml", folder / "a.yaml")
    heard.until(lambda files: names(files.get("testcases/a.yaml")) == ["other"])


def test_a_broken_file_keeps_its_last_good_cases(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    (folder / "a.yaml").write_text("cases:\n\t- name: two\n")
    broken = heard.until(lambda files: files["testcases/a.yaml"].stale)["testcases/a.yaml"]
    assert names(broken) == ["one"]
    assert broken.failed
    assert [(d.line, d.code) for d in broken.diagnostics] == [(2, "syntax")]
    (folder / "a.yaml").write_text(cases("two"))
    mended = heard.until(lambda files: names(files["testcases/a.yaml"]) == ["two"])
    assert not mended["testcases/a.yaml"].stale


def test_an_emptied_test_file_is_broken_not_forgotten(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    (folder / "a.yaml").write_text("")
    heard.until(lambda files: files["testcases/a.yaml"].stale)


def test_a_file_completed_in_time_was_never_broken(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    whole = cases("two")
    with open(folder / "a.yaml", "w") as stream:
        stream.write(whole[:15])
        stream.flush()
        stream.write(whole[15:])
    heard.until(lambda files: names(files["testcases/a.yaml"]) == ["two"])
    assert not any(file.failed for files in heard.calls for file in files)


def test_a_broken_file_is_believed_although_others_keep_being_saved(
    folder: Path, start: Start
) -> None:
    path, other = folder / "a.yaml", folder / "b.yaml"
    path.write_text(cases("one"))
    heard = start("testcases")
    path.write_text("cases: [")
    end = time.monotonic() + WAIT_S
    stale, save = False, 0
    while not stale and time.monotonic() < end:
        save += 1
        name = f"save {save}"
        other.write_text(cases(name))
        told = heard.until(lambda files, name=name: names(files.get("testcases/b.yaml")) == [name])
        stale = told["testcases/a.yaml"].stale
    assert stale
    assert names(told["testcases/a.yaml"]) == ["one"]


def test_a_deleted_file_and_a_deleted_folder(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    (folder / "b.yaml").write_text(cases("two"))
    heard = start("testcases")
    (folder / "a.yaml").unlink()
    heard.until(lambda files: list(files) == ["testcases/b.yaml"])
    shutil.rmtree(folder)
    heard.until(lambda files: not files)
    folder.mkdir()
    (folder / "c.yaml").write_text(cases("three"))
    heard.until(lambda files: list(files) == ["testcases/c.yaml"])


def test_a_new_folder_inside_is_watched_too(folder: Path, start: Start) -> None:
    heard = start("testcases")
    (folder / "new" / "deeper").mkdir(parents=True)
    (folder / "new" / "deeper" / "a.yaml").write_text(cases("one"))
    heard.until(lambda files: "testcases/new/deeper/a.yaml" in files)
    (folder / "new" / "deeper" / "a.yaml").write_text(cases("two"))
    heard.until(lambda files: names(files["testcases/new/deeper/a.yaml"]) == ["two"])


def test_a_folder_that_is_not_there_yet(tmp_path: Path, start: Start) -> None:
    heard = start("later/testcases")
    target = tmp_path / "later" / "testcases"
    target.mkdir(parents=True)
    (target / "a.yaml").write_text(cases("one"))
    heard.until(lambda files: "later/testcases/a.yaml" in files)


def test_a_burst_of_many_files_at_once(folder: Path, start: Start) -> None:
    """As ``git checkout`` of another branch does it."""
    for number in range(60):
        (folder / f"{number:02}.yaml").write_text(cases(f"old {number}"))
    heard = start("testcases")
    for number in range(30):
        (folder / f"{number:02}.yaml").unlink()
    for number in range(30, 90):
        (folder / f"{number:02}.yaml").write_text(cases(f"new {number}"))
    heard.until(
        lambda files: (
            list(files) == [f"testcases/{number:02}.yaml" for number in range(30, 90)]
            and all(names(file)[0].startswith("new") for file in files.values())
        )
    )


def test_a_save_without_a_change_and_a_foreign_file_say_nothing(folder: Path, start: Start) -> None:
    (folder / "a.yaml").write_text(cases("one"))
    heard = start("testcases")
    heard.until(lambda files: bool(files))
    before = len(heard.calls)
    (folder / "a.yaml").write_text(cases("one"))
    (folder / "notes.txt").write_text("nothing of ours")
    (folder / "b.yaml").write_text(cases("two"))
    heard.until(lambda files: "testcases/b.yaml" in files)
    assert len(heard.calls) <= before + 1


def test_a_listener_that_fails_does_not_end_the_watch(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()

    def listen(files: list[CaseFile]) -> None:
        heard(files)
        if len(heard.calls) == 1:
            raise RuntimeError("the first one is too much")

    watcher = Watcher([folder], tmp_path, listen)
    watcher.start()
    try:
        assert watcher.watching.wait(WAIT_S)
        (folder / "a.yaml").write_text(cases("one"))
        heard.until(lambda files: "testcases/a.yaml" in files)
    finally:
        watcher.stop()
    assert "could not be taken over" in caplog.text
