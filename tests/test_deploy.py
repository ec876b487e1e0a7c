"""The files of deploy/ pass their linters, and what they run, set and ask for is what the program has."""

from __future__ import annotations

import ipaddress
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from index.settings import read_settings
from index.workers.opening import is_workers
from service.api import health
from service.cli.main import main
from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
MANIFESTS = [path for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) if path.name != "kustomization.yaml"]
RESOURCES = [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text())]
YAMLLINT = "{extends: default, rules: {line-length: {max: 120}, document-start: disable}}"


def lint(tool, *arguments):
    """Run a linter of this environment; what it says where it finds something wrong, else empty."""
    path = shutil.which(tool, path=f"{Path(sys.executable).parent}")
    if path is None:
        pytest.skip(f"{tool} is not installed here: pip install -e '.[dev]'")
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr or f"exit status {done.returncode}"


def test_linters_find_nothing():
    assert not lint("yamllint", "--strict", "-d", YAMLLINT, DEPLOY)
    assert not lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    assert not lint("hadolint", DEPLOY / "Dockerfile")
    assert not lint("kubernetes-validate", "--strict", "--no-warn", *MANIFESTS)


@pytest.mark.parametrize(
    ("tool", "arguments", "name", "wrong"),
    [
        ("yamllint", ["-d", YAMLLINT], "a.yaml", "a: 1\na: 2\n"),
        ("check-jsonschema", ["--builtin-schema", "vendor.compose-spec"], "c.yaml", "services: {a: {imag: b}}\n"),
        ("hadolint", [], "Dockerfile", "FROM python\nRUN cd /tmp\n"),
        ("kubernetes-validate", ["--strict"], "k.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {nam: a}\n"),
    ],
)
def test_linters_would_find_something(tmp_path, tool, arguments, name, wrong):
    (tmp_path / name).write_text(wrong)
    assert lint(tool, *arguments, tmp_path / name)


def test_haproxy_takes_its_configuration(tmp_path):
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if haproxy is None:
        pytest.skip("haproxy is not installed here: its configuration was not checked")
    done = subprocess.run([haproxy, "-c", "-f", DEPLOY / "haproxy.cfg"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_kustomize_puts_the_manifests_together():
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed here: the manifests were only checked one by one")
    done = subprocess.run([kubectl, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert {(each["kind"], each["metadata"]["name"]) for each in built} == {
        (each["kind"], each["metadata"]["name"]) for each in RESOURCES
    }
    assert all(each["metadata"].get("namespace", "traceobject") == "traceobject" for each in built)


def pods():
    """The pod specification of each workload, with its labels."""
    for each in RESOURCES:
        if each["kind"] in ("Deployment", "CronJob"):
            spec = each["spec"]["jobTemplate"]["spec"] if each["kind"] == "CronJob" else each["spec"]
            yield each["metadata"]["name"], spec["template"]["metadata"]["labels"], spec["template"]["spec"]


def containers():
    return [(name, container) for name, _, pod in pods() for container in pod["containers"]]


def commands_run() -> list[list[str]]:
    """Every command of traceobject that the files run, or show in their comments."""
    run = [each["command"] for each in SERVICES.values() if each["image"] == "traceobject" and "entrypoint" not in each]
    run += [each["args"] for _, each in containers() if "command" not in each]
    texts = [path.read_text() for path in [*DEPLOY.rglob("*.yaml"), DEPLOY / "Dockerfile"]]
    for text in texts:
        run += [
            shlex.split(line)
            for line in re.findall(r"(?:run --rm admin|traceobject) ((?:users|add|reindex) [^|`\n]*)", text)
        ]
    run += [yaml.safe_load(line) for line in re.findall(r"^CMD (\[.*)$", (DEPLOY / "Dockerfile").read_text(), re.M)]
    return run


@pytest.mark.parametrize("words", commands_run(), ids=" ".join)
def test_every_command_exists(words):
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found is not None, words
        command = found
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options
    if "--workers" in rest:
        assert is_workers(rest[rest.index("--workers") + 1])


def test_the_commands_were_found():
    shown = {" ".join(words[:2]) for words in commands_run()}
    assert {"serve --host", "users add", "add catalogue", "reindex --workers", "doctor"} <= shown


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_settings_are_read(tmp_path, where):
    text = (DEPLOY / "traceobject.toml").read_text()
    if where == "kubernetes":
        (settings,) = [each for each in RESOURCES if each["kind"] == "ConfigMap"]
        text = settings["data"]["traceobject.toml"]
    (tmp_path / "traceobject.toml").write_text(text)
    read = read_settings(tmp_path / "traceobject.toml")
    assert read.database.startswith("postgresql")
    assert (read.objects.partition(":")[0], read.engine.partition(":")[0]) == ("s3", "milvus")


def test_the_balancer_is_the_proxy_that_is_trusted():
    address = SERVICES["balancer"]["networks"]["front"]["ipv4_address"]
    settings = tomllib.loads((DEPLOY / "traceobject.toml").read_text())
    assert settings["trusted_proxies"] == [address]
    (subnet,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet["subnet"])
    servers = re.findall(r"server \w+ ([\w-]+):8000", (DEPLOY / "haproxy.cfg").read_text())
    assert servers == [name for name in SERVICES if name.startswith("server-")]
    assert len(servers) == 2


def test_only_the_balancer_is_reached_from_outside_and_only_from_this_machine():
    assert [name for name, each in SERVICES.items() if "ports" in each] == ["balancer"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["balancer"]["ports"])
    for name in ("ray-head", "ray-worker"):
        assert SERVICES[name]["networks"] == ["workers"]
    assert COMPOSE["networks"]["workers"]["internal"] is True


def test_ray_is_reached_by_its_own_pods_alone():
    policies = {each["metadata"]["name"]: each["spec"] for each in RESOURCES if each["kind"] == "NetworkPolicy"}
    assert policies["closed"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert policies["ray"]["podSelector"] == {"matchLabels": {"ray": "true"}}
    assert policies["ray"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": {"ray": "true"}}}]}]
    uses_ray = {name for name, container in containers() if "ray" in str(container.get("command", ""))}
    assert (
        uses_ray
        == {name for name, labels, _ in pods() if labels.get("ray") == "true"}
        == {
            "ray-head",
            "ray-worker",
            "reindex",
        }
    )
    for name, container in containers():
        assert ({"name": "RAY_AUTH_MODE", "value": "token"} in container.get("env", [])) == (name in uses_ray)


def test_servers_have_the_time_to_drain():
    (server,) = [each for name, each in containers() if name == "server"]
    (pod,) = [pod for name, _, pod in pods() if name == "server"]
    assert pod["terminationGracePeriodSeconds"] > drain_of(server["args"])
    service = SERVICES["server-1"]
    assert float(service["stop_grace_period"].removesuffix("s")) > drain_of(service["command"])


def drain_of(command):
    return float(command[command.index("--drain") + 1])


def test_probes_ask_for_what_is_there():
    routes = {route.path for route in health.router.routes}
    (server,) = [each for name, each in containers() if name == "server"]
    probes = [server[kind]["httpGet"]["path"] for kind in ("readinessProbe", "livenessProbe")]
    probes += re.findall(r"uri (\S+)", (DEPLOY / "haproxy.cfg").read_text())
    probes += re.findall(r"http://127.0.0.1:8000([^\"]+)", (DEPLOY / "compose.yaml").read_text())
    assert len(probes) == 4
    assert {probe.partition("?")[0] for probe in probes} <= routes


def test_the_image_has_what_it_needs():
    text = (DEPLOY / "Dockerfile").read_text()
    extras = re.findall(r"\[([\w,]+)\]", text)[0].split(",")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {*extras} <= {*project["optional-dependencies"]}
    assert {"postgres", "objects", "milvus", "ray"} <= {*extras}
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", text, re.M) for name in line.split()}
    kept = set(re.findall(r"^!(.*)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.M))
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"sample", "tests"} <= copied


def test_no_password_has_a_default():
    named = re.findall(r"\$\{(\w+)([^}]*)\}", (DEPLOY / "compose.yaml").read_text())
    assert {rest[:2] for _, rest in named} == {":?"}
    assert {name for name, _ in named} == set(re.findall(r"^(\w+)=$", (DEPLOY / "example.env").read_text(), re.M))
