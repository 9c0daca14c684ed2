"""A database encrypted at rest: opened, converted both ways, and refused in words."""

import contextlib
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail as no_keyring

import tracedesk.store as package
from tracedesk.model.trace import Trace
from tracedesk.store import Incoming, Store, StoreError, cipher, encryption
from tracedesk.store.connections import file_kind
from tracedesk.store.encryption import EncryptionSettings, decrypt, encryption_state
from tracedesk.store.encryption_key import Key, make_key, place_in_file, place_in_keyring
from tracedesk.testing import make_span, make_trace

LITERAL = "kJ8vQ2xW7rT4"
PLAIN = EncryptionSettings()


class MemoryKeyring(KeyringBackend):
    """A keyring that lives as long as a test."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class Folder(NamedTuple):
    """A workspace's private folder, and where its key belongs."""

    path: Path
    database: Path
    key_file: Path
    wanted: EncryptionSettings

    def content(self) -> bytes:
        """Every byte of every file."""
        return b"".join(f.read_bytes() for f in sorted(self.path.iterdir()))


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, ring = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.delenv("TRACEDESK_KEY_FILE", raising=False)
    private, key_file = tmp_path / "w" / ".tracedesk", tmp_path / "keys" / "key"
    private.mkdir(parents=True)
    wanted = EncryptionSettings(wanted=True, key_file=key_file)
    return Folder(private, private / "traces.db", key_file, wanted)


@pytest.fixture
def fill(incoming: Callable[..., Incoming]) -> Callable[[Store], None]:
    """Store one trace that says the literal, in its name, its body and its metadata."""

    def store_one(store: Store) -> None:
        trace: Trace = make_trace(make_span("r", f"Root {LITERAL}"))
        trace.metadata = {"said": LITERAL}
        item = incoming(trace, body=f'{{"said": "{LITERAL}"}}'.encode())
        store.writer.submit([item]).result(timeout=30)

    return store_one


def opened(folder: Folder, settings: EncryptionSettings, *, read_only: bool = False) -> Store:
    return Store.open(folder.database, read_only=read_only, encryption=settings)


@pytest.fixture
def plain(folder: Folder, fill: Callable[[Store], None]) -> Folder:
    """A database of two traces, not encrypted."""
    with opened(folder, PLAIN) as store:
        fill(store)
        fill(store)
    assert LITERAL.encode() in folder.content()
    return folder


@pytest.fixture
def sealed(folder: Folder, fill: Callable[[Store], None]) -> Folder:
    """An encrypted database of two traces."""
    with opened(folder, folder.wanted) as store:
        fill(store)
        fill(store)
    return folder


@contextlib.contextmanager
def using(folder: Folder) -> Iterator[None]:
    """Another process that has the plain database open."""
    script = "import pathlib, sys; from tracedesk.store import Store;"
    script += " s = Store.open(pathlib.Path(sys.argv[1])); s.rows(); print('open', flush=True);"
    script += " sys.stdin.read(); s.close()"
    command = [sys.executable, "-c", script, str(folder.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        assert it.stdout.readline() == "open\n"
        yield
        it.stdin.close()
        assert it.wait(30) == 0


def names(folder: Folder, settings: EncryptionSettings, *, read_only: bool = False) -> list[str]:
    with opened(folder, settings, read_only=read_only) as store:
        bodies = [store.requests(row.id)[0].body for row in store.rows()]
        assert all(LITERAL.encode() in body for body in bodies)
        return [row.name for row in store.rows()]


TWO = [f"Root {LITERAL}"] * 2


# -- at rest ---------------------------------------------------------------------------


def test_nothing_that_was_stored_can_be_read_in_a_file(
    folder: Folder, fill: Callable[[Store], None]
) -> None:
    with opened(folder, folder.wanted) as store:
        fill(store)
        assert (folder.path / "traces.db-wal").stat().st_size > 0
        assert LITERAL.encode() not in folder.content()
        assert store.rows()[0].name == f"Root {LITERAL}"
    assert LITERAL.encode() not in folder.content()
    assert file_kind(folder.database) == "sealed"


def test_others_read_along_while_it_is_written(
    sealed: Folder, fill: Callable[[Store], None]
) -> None:
    with opened(sealed, sealed.wanted) as store:
        with opened(sealed, sealed.wanted, read_only=True) as reader:
            before = reader.revision()
            fill(store)
            assert reader.revision() > before
            assert reader.count() == 3
        with opened(sealed, sealed.wanted) as other:
            fill(other)
        assert store.count() == 4


def test_everything_is_private_to_its_owner(sealed: Folder) -> None:
    for file in [*sealed.path.iterdir(), sealed.key_file]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_key_never_lies_beside_the_database(sealed: Folder) -> None:
    key = sealed.key_file.read_text().strip()
    assert len(bytes.fromhex(key)) == 32
    for form in (key.encode(), bytes.fromhex(key)):
        assert form not in sealed.content()


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    place = place_in_file(tmp_path / "k")
    key = Key(make_key(place, tmp_path / "private"), place)
    assert str(key.secret) not in repr(key)
    assert key.secret.hex() not in repr(key)


# -- keys ------------------------------------------------------------------------------


def test_the_key_is_kept_in_the_keyring(folder: Folder, ring: MemoryKeyring) -> None:
    settings = EncryptionSettings(wanted=True, account="/home/ada/bot")
    opened(folder, settings).close()
    ((account, key),) = ring.kept.items()
    assert account == ("tracedesk", "/home/ada/bot")
    assert len(bytes.fromhex(key)) == 32
    opened(folder, settings).close()
    assert ring.kept[account] == key


def test_a_workspace_that_was_moved_finds_its_key(
    folder: Folder, ring: MemoryKeyring, fill: Callable[[Store], None]
) -> None:
    with opened(folder, EncryptionSettings(wanted=True, account="/old")) as store:
        fill(store)
    assert len(names(folder, EncryptionSettings(wanted=True, account="/new"))) == 1
    assert [account for _, account in ring.kept] == ["/old"]


def test_the_environment_names_the_key_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACEDESK_KEY_FILE", str(tmp_path / "elsewhere" / "key"))
    opened(folder, folder.wanted).close()
    assert (tmp_path / "elsewhere" / "key").exists()
    assert not folder.key_file.exists()


def test_a_key_that_exists_is_used(folder: Folder, sealed: Folder) -> None:
    key = folder.key_file.read_text()
    folder.database.unlink()
    opened(folder, folder.wanted).close()
    assert folder.key_file.read_text() == key


def test_several_that_start_at_once_agree_on_one_key(
    folder: Folder, fill: Callable[[Store], None]
) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            with opened(folder, folder.wanted) as store:
                fill(store)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not problems
    assert len(names(folder, folder.wanted)) == 4


# -- conversion ------------------------------------------------------------------------


def test_a_plain_database_is_encrypted_when_it_is_opened(plain: Folder) -> None:
    assert names(plain, plain.wanted) == TWO
    assert file_kind(plain.database) == "sealed"
    assert LITERAL.encode() not in plain.content()


def test_and_back_by_command(plain: Folder) -> None:
    opened(plain, plain.wanted).close()
    assert str(plain.key_file) in decrypt(plain.database, PLAIN)
    assert file_kind(plain.database) == "plain"
    assert names(plain, PLAIN) == TWO
    assert {f.name for f in plain.path.iterdir()} <= {
        "traces.db",
        "traces.db-wal",
        "traces.db-shm",
        "traces.db.lock",
    }


def test_a_conversion_carries_everything(plain: Folder) -> None:
    def about(settings: EncryptionSettings) -> list[Any]:
        questions = ["SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"]
        questions += [f"PRAGMA {name}" for name in ("user_version", "application_id")]
        questions += ["PRAGMA auto_vacuum", "PRAGMA journal_mode", "SELECT * FROM counter"]
        with opened(plain, settings) as store:
            return [sorted(store.query(question)) for question in questions]

    before = about(PLAIN)
    assert about(plain.wanted) == before
    decrypt(plain.database, PLAIN)
    assert about(PLAIN) == before


def test_full_text_search_survives(plain: Folder) -> None:
    def make(connection: Any) -> None:
        connection.execute("CREATE VIRTUAL TABLE found USING fts5(t, content='', detail=none)")
        connection.execute("INSERT INTO found(rowid, t) VALUES (7, 'marzipan')")

    def search(settings: EncryptionSettings) -> list[Any]:
        with opened(plain, settings) as store:
            return store.query("SELECT rowid FROM found WHERE found MATCH 'marzipan'")

    with opened(plain, PLAIN) as store:
        store.writer.run(make).result(timeout=30)
    assert search(plain.wanted) == [(7,)]
    decrypt(plain.database, PLAIN)
    assert search(PLAIN) == [(7,)]


@pytest.mark.parametrize("step", ["_take", "_export", "_verify", "_flush"])
def test_a_crash_at_any_step_leaves_a_usable_database(
    plain: Folder, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder as it is after each step is what a crash would leave."""
    crashed: list[Path] = []
    real = getattr(cipher, step)

    def and_then_crash(*arguments: Any) -> Any:
        result = real(*arguments)
        crashed.append(tmp_path / f"crash-{len(crashed)}")
        shutil.copytree(plain.path, crashed[-1])
        return result

    with monkeypatch.context() as patch:
        patch.setattr(cipher, step, and_then_crash)
        opened(plain, plain.wanted).close()
    for copy in crashed:
        left = plain._replace(path=copy, database=copy / "traces.db")
        assert names(left, left.wanted) == TWO
        assert not [file for file in copy.iterdir() if "converting" in file.name]


def test_half_made_files_are_swept_away(plain: Folder) -> None:
    for tail in ("", "-journal", "-wal"):
        (plain.path / f"traces.db.converting{tail}").write_bytes(b"half" * 1000)
    assert names(plain, plain.wanted) == TWO
    assert not [file for file in plain.path.iterdir() if "converting" in file.name]


def test_a_copy_that_differs_is_thrown_away(plain: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cipher, "_counts", lambda _, n=iter(range(9)): {"trace": next(n)})
    with pytest.raises(StoreError, match="not what the original is"):
        opened(plain, plain.wanted)
    assert file_kind(plain.database) == "plain"
    assert names(plain, PLAIN) == TWO


def test_a_database_in_use_is_not_converted(plain: Folder, fill: Callable[[Store], None]) -> None:
    with opened(plain, PLAIN) as store:
        with pytest.raises(StoreError, match="in use"):
            opened(plain, plain.wanted)
        fill(store)
        assert store.count() == 3
    assert len(names(plain, plain.wanted)) == 3


def test_a_database_that_another_process_uses_is_not_converted(
    plain: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cipher, "_IN_USE_AFTER_S", 0.05)
    with using(plain), pytest.raises(StoreError, match="in use"):
        opened(plain, plain.wanted)
    assert names(plain, plain.wanted) == TWO


def test_a_second_look_at_a_file_keeps_the_locks_of_the_first(
    plain: Folder, fill: Callable[[Store], None]
) -> None:
    """Closing a handle lets go of all locks of its process: the log would be taken away."""
    take = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
    take += " print(c.execute('PRAGMA journal_mode = DELETE').fetchone())"
    with opened(plain, PLAIN) as store:
        assert store.count() == 2
        assert file_kind(plain.database) == "plain"
        opened(plain, PLAIN).close()
        encryption_state(plain.database, plain.wanted)
        done = subprocess.run(
            [sys.executable, "-c", take, str(plain.database)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "database is locked" in done.stderr
        fill(store)
        assert store.count() == 3


def test_a_conversion_needs_room(plain: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(plain.path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreError, match="8 MB of disk space for a while, and only 1 MB are free"):
        opened(plain, plain.wanted)
    assert names(plain, PLAIN) == TWO


# -- refused in words ------------------------------------------------------------------


def refused(folder: Folder, settings: EncryptionSettings) -> str:
    """What is said, by readers and writers alike; the database is as it was."""
    before = folder.database.read_bytes()
    said = set()
    for read_only in (True, False):
        with pytest.raises(StoreError) as caught:
            opened(folder, settings, read_only=read_only)
        said.add(str(caught.value))
    assert folder.database.read_bytes() == before
    (text,) = said
    return text


def test_an_encrypted_database_that_is_not_configured_so(sealed: Folder) -> None:
    said = refused(sealed, PLAIN)
    assert "is encrypted, and encrypt = true is not set" in said
    assert "tracedesk decrypt" in said


def test_a_plain_database_is_not_changed_by_a_reader(plain: Folder) -> None:
    with pytest.raises(StoreError, match=r"not encrypted yet. Run `tracedesk encrypt`"):
        opened(plain, plain.wanted, read_only=True)
    assert file_kind(plain.database) == "plain"


def test_a_missing_key_is_not_made_anew(sealed: Folder) -> None:
    sealed.key_file.unlink()
    assert f"is missing from the key file {sealed.key_file}" in refused(sealed, sealed.wanted)
    assert not sealed.key_file.exists()


def test_a_missing_key_in_the_keyring(folder: Folder, ring: MemoryKeyring) -> None:
    settings = EncryptionSettings(wanted=True, account="/w")
    opened(folder, settings).close()
    ring.kept.clear()
    assert "missing from the system keyring (service tracedesk, account /w)" in refused(
        folder, settings
    )
    assert not ring.kept


def test_a_key_that_was_looked_for_in_the_wrong_place(sealed: Folder, tmp_path: Path) -> None:
    elsewhere = EncryptionSettings(wanted=True, key_file=tmp_path / "other")
    said = refused(sealed, elsewhere)
    assert f"its key was in the key file {sealed.key_file}" in said


@pytest.mark.parametrize("noted", [True, False])
def test_a_wrong_key(sealed: Folder, noted: bool, capfd: pytest.CaptureFixture[str]) -> None:
    sealed.key_file.write_text("ab" * 32)
    if not noted:
        (sealed.path / "traces.db.key.json").unlink()
    said = refused(sealed, sealed.wanted)
    assert ("is not the one of" if noted else "does not open") in said
    assert "abab" not in said
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31, "ab" * 33, "\xff" * 64])
def test_what_is_no_key(sealed: Folder, text: str) -> None:
    sealed.key_file.write_text(text)
    assert "64 hexadecimal digits are expected" in refused(sealed, sealed.wanted)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_file_that_others_can_read(sealed: Folder, mode: int) -> None:
    sealed.key_file.chmod(mode)
    said = refused(sealed, sealed.wanted)
    assert f"its mode is {mode:04o}" in said
    assert f"chmod 600 {sealed.key_file}" in said


@pytest.mark.parametrize("through", ["directly", "by a link"])
def test_a_key_file_beside_the_database(folder: Folder, through: str, tmp_path: Path) -> None:
    key_file = folder.path / "key"
    if through == "by a link":
        (tmp_path / "link").symlink_to(folder.path)
        key_file = tmp_path / "link" / "key"
    with pytest.raises(StoreError, match="beside the database it opens"):
        opened(folder, EncryptionSettings(wanted=True, key_file=key_file))
    assert not key_file.exists()


def test_no_keyring(plain: Folder, ring: MemoryKeyring) -> None:
    keyring.set_keyring(no_keyring.Keyring())
    with pytest.raises(StoreError, match=r"no keyring to keep the key in.*key_file"):
        opened(plain, EncryptionSettings(wanted=True, account="/w"))
    assert file_kind(plain.database) == "plain"
    assert names(plain, PLAIN) == TWO


def test_a_keyring_that_is_locked(
    plain: Folder, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: str) -> None:
        raise keyring.errors.KeyringLocked("the collection is locked")

    monkeypatch.setattr(ring, "get_password", locked)
    with pytest.raises(StoreError, match="the collection is locked"):
        opened(plain, EncryptionSettings(wanted=True, account="/w"))


def test_a_keyring_that_forgets(
    plain: Folder, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "set_password", lambda *_: None)
    with pytest.raises(StoreError, match="did not keep the key"):
        opened(plain, EncryptionSettings(wanted=True, account="/w"))
    assert file_kind(plain.database) == "plain"


@pytest.mark.parametrize("which", ["plain", "sealed"])
def test_without_the_libraries(
    which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Folder = request.getfixturevalue(which)
    monkeypatch.setitem(sys.modules, "tracedesk.store.cipher", None)
    monkeypatch.delattr(package, "cipher")
    before = folder.database.read_bytes()
    with pytest.raises(StoreError, match=r"pip install 'tracedesk\[encryption\]'"):
        opened(folder, folder.wanted)
    assert folder.database.read_bytes() == before


def test_what_is_no_database_at_all(folder: Folder) -> None:
    folder.database.write_bytes(b"not a database at all" * 500)
    assert "is not a tracedesk database" in refused(folder, PLAIN)
    make_key(place_in_file(folder.key_file), folder.path)
    assert "no tracedesk database" in refused(folder, folder.wanted)


def test_decrypting_what_cannot_be(plain: Folder) -> None:
    with pytest.raises(StoreError, match="is not encrypted"):
        decrypt(plain.database, PLAIN)
    with pytest.raises(StoreError, match="would be encrypted again"):
        decrypt(plain.database, plain.wanted)


# -- the same errors as ever -----------------------------------------------------------


def fill_up(store: Store, fill: Callable[[Store], None]) -> None:
    for _ in range(200):
        fill(store)


def test_a_full_disk_is_said_as_ever(sealed: Folder, fill: Callable[[Store], None]) -> None:
    with opened(sealed, sealed.wanted) as store:
        pages = store.query("PRAGMA page_count")[0][0]
        store.writer.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}")).result(30)
        with pytest.raises(StoreError, match="the disk is full"):
            fill_up(store, fill)


def test_a_locked_database_is_said_as_ever(sealed: Folder, fill: Callable[[Store], None]) -> None:
    with opened(sealed, sealed.wanted) as store, opened(sealed, sealed.wanted) as other:
        holding, let_go = threading.Event(), threading.Event()

        def hold(_: Any) -> None:
            holding.set()
            let_go.wait(30)

        store.writer.run(lambda c: c.execute("PRAGMA busy_timeout = 10")).result(30)
        held = other.writer.run(hold)
        holding.wait(30)
        with pytest.raises(StoreError, match="locked by another program"):
            fill(store)
        let_go.set()
        held.result(30)
        fill(store)


def test_values_that_must_be_mended_are(sealed: Folder) -> None:
    with opened(sealed, sealed.wanted) as store:
        assert store.find("\ud800") == []


def test_a_damaged_page_is_said_as_ever(sealed: Folder) -> None:
    wire = bytearray(sealed.database.read_bytes())
    wire[5000:-100] = bytes(len(wire) - 5100)
    sealed.database.write_bytes(wire)
    with pytest.raises(StoreError) as caught, opened(sealed, sealed.wanted) as store:
        store.rows()
    assert "Error" not in str(caught.value)


# -- for people ------------------------------------------------------------------------


def test_how_a_database_stands(folder: Folder, fill: Callable[[Store], None]) -> None:
    def stands(settings: EncryptionSettings) -> tuple[str, bool, bool, str]:
        state = encryption_state(folder.database, settings)
        problem = state.problem.message if state.problem else ""
        return state.file, state.encrypted, bool(state.key), problem

    assert stands(PLAIN) == ("new", False, False, "")
    assert stands(folder.wanted) == ("new", False, True, "")
    assert list(folder.path.iterdir()) == []
    with opened(folder, PLAIN) as store:
        fill(store)
    assert stands(PLAIN) == ("plain", False, False, "")
    assert stands(folder.wanted) == ("plain", False, True, "")
    opened(folder, folder.wanted).close()
    assert stands(folder.wanted) == ("sealed", True, True, "")
    assert "encrypt = true is not set" in stands(PLAIN)[3]
    folder.key_file.unlink()
    assert "is missing" in stands(folder.wanted)[3]


def test_who_does_not_encrypt_loads_none_of_it(tmp_path: Path) -> None:
    script = """
import sys
from tracedesk.workspace import find_workspace
from pathlib import Path
with find_workspace(Path(sys.argv[1])).open_store() as store:
    store.rows()
print(*{"keyring", "sqlcipher3", "tracedesk.store.cipher"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_place_in_words() -> None:
    assert str(place_in_keyring("/w")) == "the system keyring (service tracedesk, account /w)"
    assert encryption.KEY_FILE_VARIABLE == "TRACEDESK_KEY_FILE"
