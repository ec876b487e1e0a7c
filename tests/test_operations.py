"""Commands, settings and snippets of docs/operations.md and docs/systemd work as written."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from index.workspace import SETTINGS, Workspace
from service.cli.main import main
from service.reports.metrics import write_metrics
from service.reports.webhook import ATTEMPTS, message, post
from tests.paths import ROOT
from tests.service.receivers import hook, status
from tests.service.reports.test_run_record import alert, record

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = ROOT / "docs" / "systemd"
SERVICE, TIMER = UNITS / "traceobject-reindex.service", UNITS / "traceobject-reindex.timer"


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def unit(path):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def verb_helps(words):
    """A command line without its options is a verb that the command line has."""
    words = [word for word in words if not word.startswith("-") and word not in ("[--source", "NAME]", "[--authority")]
    verbs = [word for word in words if re.fullmatch(r"[a-z]+", word)][:2]
    command = main
    for verb in verbs:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), verb)
            assert command, words
    assert command is not main, words
    assert not isinstance(command, click.Group), words


def test_the_readme_leads_here():
    assert "(docs/operations.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", [SERVICE, TIMER], ids=lambda path: path.suffix)
def test_the_units_can_be_read(path):
    sections = {".service": {"Unit", "Service"}, ".timer": {"Unit", "Timer", "Install"}}
    assert set(unit(path).sections()) == sections[path.suffix]


def test_the_service_runs_a_command_that_exists_and_takes_refusals_for_success():
    service = unit(SERVICE)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "traceobject"
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert service["SuccessExitStatus"] == "3"
    assert service["Type"] == "oneshot"
    assert service["Environment"] == "TRACEOBJECT_WORKSPACE=/var/lib/traceobject"
    assert unit(TIMER)["Timer"]["OnCalendar"] == "*-*-* 02:30:00"


def test_systemd_takes_the_units(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here: the units were only parsed")
    for path in (SERVICE, TIMER):
        # systemd-analyze checks that the program exists.
        text = path.read_text().replace("/opt/traceobject/.venv/bin/traceobject", sys.executable)
        (tmp_path / path.name).write_text(text)
    paths = [str(tmp_path / path.name) for path in (SERVICE, TIMER)]
    done = subprocess.run([analyze, "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "traceobject" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    wrong = (tmp_path / SERVICE.name).read_text().replace("Type=oneshot", "Type=onceshot")
    (tmp_path / SERVICE.name).write_text(wrong)
    done = subprocess.run([analyze, "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60)
    assert "onceshot" in done.stderr, "systemd-analyze finds no mistakes here"


def test_the_line_for_cron_runs_a_command_that_exists():
    (line,) = [line for block in blocks("") for line in block.splitlines()]
    *when, user, setting, program, verb = line.split("|")[0].removesuffix(" 2>&1 ").split()
    assert [bool(re.fullmatch(r"[0-9*]+", part)) for part in when] == [True] * 5
    assert (user, setting) == ("traceobject", "TRACEOBJECT_WORKSPACE=/var/lib/traceobject")
    assert program == unit(SERVICE)["Service"]["ExecStart"].split()[0]
    assert verb in main.list_commands(click.Context(main))


def test_every_command_on_the_page_exists():
    lines = [line.split("#")[0] for block in blocks("sh") for line in block.splitlines()]
    ours = [shlex.split(line)[1:] for line in lines if line.startswith("traceobject ")]
    assert len(ours) >= 8
    for words in ours:
        verb_helps([word for word in words if not word.startswith("/")])


def test_the_settings_on_the_page_are_settings(tmp_path):
    (block,) = blocks("toml")
    workspace = Workspace.create(tmp_path / "workspace")
    documented = tomllib.loads(block)
    path = workspace.root / SETTINGS
    kept = [line for line in path.read_text().splitlines() if line.split(" ")[0] not in documented]
    path.write_text("\n".join([*kept, block]))
    settings = Workspace.open(workspace.root).settings
    assert {name: getattr(settings, name) for name in documented} == documented | {
        "mail_to": tuple(documented["mail_to"])
    }


def test_the_recipe_verifies_what_is_posted_and_nothing_else(monkeypatch):
    (recipe,) = blocks("python")
    names: dict = {}
    exec(compile(recipe, "operations.md", "exec"), names)
    genuine = names["genuine"]
    with hook(status(200)) as receiver:
        assert post(receiver.url, "s3cret", record(alerts=(alert(title="Café"),))) == ""
    (posted,) = receiver.posted

    class Headers(dict):
        def __getitem__(self, name):
            return super().__getitem__(name.lower())

    headers = Headers(posted.headers)
    assert genuine("s3cret", headers, posted.body)
    assert not genuine("another", headers, posted.body)
    assert not genuine("s3cret", headers, posted.body.replace(b"Caf", b"Tea"))
    assert not genuine("s3cret", Headers(headers | {"x-traceobject-timestamp": str(int(time.time()) + 1)}), posted.body)
    then = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: then)
    assert not genuine("s3cret", headers, posted.body)


def test_the_page_lists_what_is_posted():
    payload = message(record()).decode()
    about = PAGE.partition("## Webhook")[2].partition("##")[0]
    assert all(f"`{name}`" in about for name in re.findall(r'"(\w+)": ', payload))
    assert f"tried {['', 'once', 'twice', 'three'][ATTEMPTS]}" in about.replace("\n", " ")


def test_the_rules_speak_of_figures_that_are_written(tmp_path):
    write_metrics(record(), tmp_path / "m.prom")
    written = {family.name for family in text_string_to_metric_families((tmp_path / "m.prom").read_text())}
    (rules,) = blocks("yaml")
    asked = set(re.findall(r"traceobject_reindex_\w+", rules))
    assert len(asked) == 3
    assert asked <= written
