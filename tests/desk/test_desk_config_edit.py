"""``tracedesk.toml`` changed by the program: one table changes, every other byte stays."""

import os
import stat
import tomllib
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk import config_text
from tracedesk.config_edit import add_agent, edit_agent, remove_agent
from tracedesk.workspace import ConfigError, open_workspace

FILE = """\
# Agents of the ferry desk
[testcases]
paths = ["cases"]   # reviewed with the code

[[agents]]
name = "booking"   # the first
# timezone = "Europe/Madrid"

# Refunds, run by the other team
[[agents]]
name = "refunds"
workflow_ids = [
  "wf-1", # production
  "wf-2", # staging
]
  [agents.n8n]
  base_url = "http://127.0.0.1:5678/api/v1"

# where to listen
[endpoint]
port = 0
# the end
"""


def configured(folder: Path, text: str = FILE) -> Path:
    (folder / "tracedesk.toml").write_bytes(text.encode())
    return folder


def text_of(folder: Path) -> str:
    return (folder / "tracedesk.toml").read_bytes().decode()


def differences(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines taken out, and lines put in."""
    old, new = before.splitlines(), after.splitlines()
    return [x for x in old if x not in new], [x for x in new if x not in old]


# -- the text --------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_added_agent_stands_behind_the_others_and_leaves_without_a_trace(newline: str):
    text = FILE.replace("\n", newline)
    added = config_text.add_agent(text, {"name": "parking", "workflow_ids": ["wf-9"]})
    assert text.count(newline) == text.count("\n")
    gone, come = differences(text, added)
    assert gone == []
    assert come == ['name = "parking"', 'workflow_ids = ["wf-9"]']
    assert added.index("parking") < added.index("# where to listen")
    assert config_text.remove_agent(added, 2) == text


def test_a_set_key_joins_its_own_table_not_the_comment_of_the_next():
    changed = config_text.edit_agent(FILE, 0, {"timezone": "Europe/Madrid"})
    assert 'the first\ntimezone = "Europe/Madrid"\n# timezone' in changed
    assert differences(FILE, changed)[0] == []


def test_elements_that_stay_keep_their_comments_and_tables_below_are_reached():
    changed = config_text.edit_agent(
        FILE, 1, {"workflow_ids": ["wf-2", "wf-3"], "n8n": {"api_key_env": "N8N_KEY"}}
    )
    gone, come = differences(FILE, changed)
    assert gone == ['  "wf-1", # production']
    assert come == ['  "wf-3",', '  api_key_env = "N8N_KEY"']


def test_what_is_removed_takes_its_own_comments_and_no_others():
    gone, come = differences(FILE, config_text.remove_agent(FILE, 0))
    assert gone == ['name = "booking"   # the first', '# timezone = "Europe/Madrid"']
    assert come == []
    assert "# Refunds, run by the other team" in config_text.remove_agent(FILE, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "agents = []\n",
        'agents = [{name = "a"}, # one\n {name = "b"}]\n[endpoint]\nport = 1\n',
        '[[ "agents" ]]\nname = "a"\nn8n.base_url = "http://x"\n',
        'note = """\n[[agents]]\n# """\n[[agents]]\nname = """\n[a]\n#"""\n\n# end',
        '# a comment\u2028[[agents]]\n[[agents]]\nname = "a"\n',
        "[endpoint]\nport = 1",
    ],
)
def test_any_way_of_writing_agents_can_be_added_to_changed_and_taken_back(text: str):
    added = config_text.add_agent(text, {"name": "z"})
    place = len(tomllib.loads(added)["agents"]) - 1
    changed = config_text.edit_agent(added, place, {"timezone": "UTC", "n8n": {"base_url": "u"}})
    assert tomllib.loads(changed)["agents"][place]["n8n"] == {"base_url": "u"}
    dropped = config_text.edit_agent(changed, place, {}, ["timezone", "n8n"])
    assert tomllib.loads(dropped) == tomllib.loads(added)
    assert config_text.remove_agent(added, place).rstrip("\n") == text.rstrip("\n")


COMMENTS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=12).map(
    "# {}".format
)
VALUES = st.one_of(
    st.text(max_size=8).map(lambda t: t.encode("utf-8", "ignore").decode()),
    st.booleans(),
    st.lists(st.sampled_from(["wf-1", "wf-2", "[x]", "#", '"""', "'"]), max_size=3),
)
KEYS = st.sampled_from(["name", "type", "timezone", "workflow_ids", "response_path"])
TRIVIA = st.lists(st.one_of(st.just(""), COMMENTS), max_size=3)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Files of tables and agents in any order, with comments and blank lines anywhere."""
    import tomlkit

    lines = draw(TRIVIA)
    for number in range(draw(st.integers(0, 4))):
        is_agent = draw(st.booleans())
        lines.append("[[agents]]" if is_agent else f"[table{number}]")
        for key, value in draw(st.dictionaries(KEYS, VALUES, max_size=3)).items():
            lines += draw(TRIVIA)
            lines.append(f"{key} = {tomlkit.item(value).as_string()}  {draw(COMMENTS)}")
        if is_agent and draw(st.booleans()):
            lines += ["  [agents.n8n]", 'base_url = "u"']
        lines += draw(TRIVIA)
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])


def said(text: str) -> list[str]:
    """Its lines, but the blank ones."""
    return [line for line in text.splitlines() if line.strip()]


@given(files(), st.dictionaries(KEYS, VALUES, min_size=1), st.integers(0, 9))
def test_no_edit_touches_a_comment_or_another_table(text: str, put: dict[str, object], n: int):
    added = config_text.add_agent(text, put)
    count = len(tomllib.loads(added)["agents"])
    assert said(config_text.remove_agent(added, count - 1)) == said(text)
    place = n % count
    changed = config_text.edit_agent(added, place, put)
    assert tomllib.loads(changed)["agents"][place] == {
        **tomllib.loads(added)["agents"][place],
        **put,
    }
    untouched = [line for line in added.split("\n") if line.startswith("#")]
    assert [line for line in changed.split("\n") if line.startswith("#")] == untouched
    dropped = config_text.edit_agent(changed, place, {}, ["n8n", *put])
    assert not {"n8n", *put} & set(tomllib.loads(dropped)["agents"][place])


# -- the file --------------------------------------------------------------------------


def test_the_first_agent_makes_the_file_and_gets_an_id(tmp_path: Path):
    agent = add_agent(tmp_path, {"name": "booking", "type": "n8n", "workflow_ids": []})
    assert uuid.UUID(agent.id).version == 4
    assert text_of(tmp_path) == f'[[agents]]\nid = "{agent.id}"\nname = "booking"\ntype = "n8n"\n'
    assert open_workspace(tmp_path).agents == (agent,)


def test_a_renamed_agent_keeps_the_id_that_its_traces_have(tmp_path: Path):
    configured(tmp_path)
    before = open_workspace(tmp_path).agents[0]
    after = edit_agent(tmp_path, "booking", {"name": "tables"})
    assert (after.id, after.name) == (before.id, "tables")
    assert f'id = "{before.id}"' in text_of(tmp_path)


def test_an_edit_that_changes_nothing_writes_nothing(tmp_path: Path):
    agent = add_agent(tmp_path, {"name": "booking"})
    inode = (tmp_path / "tracedesk.toml").stat().st_ino
    edit_agent(tmp_path, agent.id.upper(), {"name": "booking"})
    assert (tmp_path / "tracedesk.toml").stat().st_ino == inode


def test_mode_and_symlink_stay_and_no_other_file_is_left(tmp_path: Path):
    real = tmp_path / "shared" / "desk.toml"
    real.parent.mkdir()
    real.write_text(FILE)
    real.chmod(0o640)
    root = tmp_path / "work"
    root.mkdir()
    (root / "tracedesk.toml").symlink_to(real)
    remove_agent(root, "refunds")
    assert (root / "tracedesk.toml").is_symlink()
    assert "refunds" not in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert os.listdir(real.parent) == ["desk.toml"]
    assert os.listdir(root) == ["tracedesk.toml"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "booking"}, "'booking' and 'booking' have the same name"),
        ({"name": " x"}, "name: a name is one line"),
        ({"name": "x\x1b[31m"}, "name: a name is one line"),
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"name": "x", "timezone": "Europe/Madird"}, "did you mean 'Europe/Madrid'?"),
        ({"name": "x", "type": "n9n"}, "type: Input should be 'auto'"),
        ({"name": "x", "otlp_service_name": " "}, "otlp_service_name: must not be blank"),
        ({"name": "x", "n8n": {"base_url": "127.0.0.1"}}, "n8n.base_url: must begin with http"),
        (
            {"name": "x", "n8n": {"base_url": "http://x", "api_key_env": "eyJ-key"}},
            "n8n.api_key_env: is the name of an environment variable",
        ),
    ],
)
def test_what_cannot_be_read_is_never_written(tmp_path: Path, fields: dict[str, object], said: str):
    configured(tmp_path)
    with pytest.raises(ConfigError) as caught:
        add_agent(tmp_path, fields)
    assert said in str(caught.value)
    assert text_of(tmp_path) == FILE


def test_a_misspelt_agent_is_told_the_nearest(tmp_path: Path):
    configured(tmp_path)
    with pytest.raises(ConfigError, match="no agent 'refund'; did you mean 'refunds'"):
        remove_agent(tmp_path, "refund")
    with pytest.raises(ConfigError, match="no agent 'x'; there are 'booking', 'refunds'"):
        edit_agent(tmp_path, "x", {})
    (tmp_path / "tracedesk.toml").unlink()
    with pytest.raises(ConfigError, match="no agent is configured"):
        edit_agent(tmp_path, "booking", {})


def test_a_broken_file_is_named_and_left_alone(tmp_path: Path):
    configured(tmp_path, "[endpoint\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        add_agent(tmp_path, {"name": "x"})
    assert text_of(tmp_path) == "[endpoint\n"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "tracedesk.toml").symlink_to(tmp_path / "nowhere" / "desk.toml")
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        add_agent(tmp_path, {"name": "x"})
