"""Two desks on one workspace, and a desk that was killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracedesk.owner import is_alive, owner_of
from tracedesk.workspace import find_workspace

Open = Callable[..., Any]
Call = Callable[..., tuple[int, Any]]


def serve(root: Path, **more: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tracedesk", "serve", "--workspace", str(root), "--port", "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)


def test_the_second_desk_attaches_and_says_to_whom(tmp_path: Path, open_desk: Open, call: Call):
    first, second = open_desk(), open_desk()
    assert second.endpoint.state == "attached"
    assert second.endpoint.url == first.endpoint.url
    assert second.endpoint.message == f"attached: process {os.getpid()} owns the endpoint"
    second.stop()
    first.stop()
    assert owner_of(find_workspace(tmp_path)) is None
    assert open_desk().endpoint.state == "listening"


def test_a_desk_that_cannot_listen_tells_those_that_attach(tmp_path: Path, open_desk: Open):
    other = tmp_path / "other"
    other.mkdir()
    (other / "tracedesk.toml").write_text("")
    taken = open_desk(root=other).endpoint.port
    first = open_desk(port=taken)
    assert first.endpoint.state == "failed"
    second = open_desk()
    assert second.endpoint.state == "attached"
    assert f"does not listen: port {taken} is taken" in second.endpoint.message


def test_after_a_kill_the_next_desk_takes_over_and_nothing_is_lost(
    tmp_path: Path, open_desk: Open, call: Call
):
    with serve(tmp_path) as killed:
        assert killed.stdout is not None
        url = next(word for word in killed.stdout.readline().split() if word.startswith("http:"))
        workspace = find_workspace(tmp_path)
        owner = owner_of(workspace)
        assert owner is not None
        assert (owner.pid, owner.url, is_alive(workspace, owner)) == (killed.pid, url, True)
        attached = open_desk()
        assert attached.endpoint.url == url
        assert call(attached, "/public/traces", {"data": {"text": "kept"}})[0] == 201
        attached.stop()
        killed.send_signal(signal.SIGKILL)
    owner = owner_of(workspace)
    assert owner is not None
    assert not is_alive(workspace, owner)
    desk = open_desk()
    assert desk.endpoint.state == "listening"
    assert desk.endpoint.url != url
    assert desk.store.count() == desk.ledger().kept == 1


def test_serve_beside_another_desk_says_who_listens_and_what_to_do(tmp_path: Path, open_desk: Open):
    owner = open_desk()
    with serve(tmp_path, stderr=subprocess.PIPE) as refused:
        said, complaint = refused.communicate(timeout=20)
    assert (refused.returncode, said) == (2, "")
    assert complaint == (
        f"tracedesk: process {os.getpid()} owns the endpoint of this workspace and listens at"
        f" {owner.endpoint.url}; send there, or end it first\n"
    )
