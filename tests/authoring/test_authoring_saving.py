"""Files are written whole and taken back; what somebody else wrote is never lost."""

import os
import stat

import pytest

from tracedesk.authoring.saving import ChangedError, Edits, SaveError, content, save


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cases.yaml"
    path.write_bytes(b"before\r\n")
    return path


def test_a_file_is_replaced_and_keeps_its_mode_and_the_links_to_it(file, tmp_path):
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    save(link, b"before\r\n", b"after\n")
    assert file.read_bytes() == b"after\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["cases.yaml", "link.yaml"]


def test_what_was_written_meanwhile_is_kept(file):
    with pytest.raises(ChangedError, match="was changed by another program") as refused:
        save(file, b"other", b"after")
    assert refused.value.found == b"before\r\n"
    file.unlink()
    with pytest.raises(ChangedError, match="was removed"):
        save(file, b"before\r\n", b"after")
    assert content(file) is None


def test_a_new_file_is_not_written_over_one_that_came_meanwhile(file):
    with pytest.raises(ChangedError):
        save(file, None, b"after")
    assert file.read_bytes() == b"before\r\n"


def test_a_read_only_file_is_left_alone_and_the_way_out_named(file):
    file.chmod(0o444)
    with pytest.raises(SaveError, match=r"read-only.*chmod u\+w"):
        save(file, b"before\r\n", b"after")
    assert file.read_bytes() == b"before\r\n"


def test_a_folder_or_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(SaveError, match="not a regular file"):
        content(tmp_path / "pipe.yaml")


def test_edits_are_taken_back_one_by_one_the_last_first(file, tmp_path):
    edits = Edits()
    new = tmp_path / "deeper" / "new.yaml"
    edits.make(file, b"before\r\n", b"one", "one")
    edits.make(file, b"one", b"two", "two")
    edits.make(new, None, b"new", "new file")
    assert edits.undo().told == "new file"
    assert not new.exists()
    assert edits.undo().told == "two"
    assert file.read_bytes() == b"one"
    assert edits.undo().told == "one"
    assert file.read_bytes() == b"before\r\n"
    assert edits.undo() is None


def test_what_others_wrote_since_is_never_undone_and_the_edit_is_kept(file):
    edits = Edits()
    edits.make(file, b"before\r\n", b"after", "an assertion")
    file.write_bytes(b"after, and more")
    with pytest.raises(ChangedError, match="“an assertion” is not undone; press e"):
        edits.undo()
    assert file.read_bytes() == b"after, and more"
    file.write_bytes(b"after")  # the later change is taken back by whoever made it
    assert edits.undo().told == "an assertion"
    assert file.read_bytes() == b"before\r\n"


def test_an_edit_that_changes_nothing_is_not_to_be_undone(file):
    edits = Edits()
    edits.make(file, b"before\r\n", b"before\r\n", "nothing")
    assert edits.last is None
