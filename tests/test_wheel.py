"""The wheel carries what the product needs and nothing else; installed in an empty place, its demo works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("embedding", "index", "service")
# What setuptools would put into the wheel, without building it.
LIST = """
import json, sys
from setuptools import Distribution
project = Distribution({"script_name": "setup.py"})
project.parse_config_files()
project.get_command_obj("egg_info").egg_base = sys.argv[1]
build = project.get_command_obj("build_py")
build.ensure_finalized()
print("\\n" + json.dumps([path.removeprefix(build.build_lib + "/") for path in build.get_outputs(include_bytecode=0)]))
"""
SLOWEST_SECONDS = 1800
LARGEST_BYTES = 15_000_000


def carried() -> set[str]:
    """What a wheel has to have: everything in the folders of the packages."""
    return {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_all_of_the_packages_and_nothing_else(tmp_path):
    listed = subprocess.run(
        [sys.executable, "-c", LIST, tmp_path], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    )
    files = json.loads(listed.stdout.splitlines()[-1])
    assert set(files) == carried()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a copy of the project: setuptools builds in the folder that it is given."""
    copy = tmp_path_factory.mktemp("project")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", folder]
    run([sys.executable, "-m", "pip", "wheel", *options, copy], folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has the wheel, and all else from the environment of this test."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run([*pip, "install", "--no-deps", "--no-index", wheel], folder)
    [packages] = folder.glob("lib/python*/site-packages")
    # Of a folder that a .pth names, its own .pth are not read: what is installed there as editable is not found.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def run(command: list[str | Path], folder: Path) -> str:
    """What a command prints, run in a folder, away from this project's own modules."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SLOWEST_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_is_small_and_has_what_was_listed(wheel, capsys):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == carried()
    size = wheel.stat().st_size
    with capsys.disabled():
        print(f"\n{wheel.name}: {size / 1e6:.1f} MB")  # noqa: T201
    assert size < LARGEST_BYTES


@pytest.mark.slow
def test_the_demo_of_the_installed_wheel_works_in_an_empty_folder(python, tmp_path):
    where = run([python, "-c", "import embedding, index, service; print(service.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(python.parents[1])
    assert "None" in run([python, "-c", "import importlib.util as u; print(u.find_spec('sample'))"], tmp_path)
    printed = run([python.with_name("traceobject"), "demo"], tmp_path)
    assert "right first" in printed
    assert "sign in at /workbench as demo" in printed
    made = tmp_path / "workspace"
    assert "right match" in (made / "sheet.html").read_text(encoding="utf-8")
    assert (made / "sign-in.txt").read_text(encoding="utf-8").startswith("demo\n")
    alerts = run([python.with_name("traceobject"), "alerts"], tmp_path)
    assert len(alerts.splitlines()) >= 3
