"""Architecture rules: service -> index -> embedding, no circular imports between a folder's parts, one job a file."""

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.paths import ROOT

ALLOWED = {
    "embedding": {"embedding"},
    "index": {"embedding", "index"},
    "service": {"embedding", "index", "service"},
}
FILES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_what_lies_below_it(path):
    package = path.relative_to(ROOT).parts[0]
    assert imported(path) & set(ALLOWED) <= ALLOWED[package]


MEASURED = sorted((ROOT / "benchmarks").glob("*.py"))
FOLDERS = sorted({path.parent for path in (*FILES, *MEASURED)})


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in (*FILES, *MEASURED)}


def modules_imported(path: Path) -> set[Path]:
    """The files of this project that a file imports, also inside its functions."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        found |= {MODULES[name] for name in names if name in MODULES}
    return found


IMPORTS = {path: modules_imported(path) for path in MODULES.values()}


def graph_of(folder: Path, imports: Mapping[Path, set[Path]]) -> dict[str, set[str]]:
    """Which file or subfolder of a folder imports which other one; the folder's own __init__ only gathers them."""
    graph: dict[str, set[str]] = {}
    for path, targets in imports.items():
        if not path.is_relative_to(folder) or path == folder / "__init__.py":
            continue
        child = path.relative_to(folder).parts[0]
        inside = {other.relative_to(folder).parts[0] for other in targets if other.is_relative_to(folder)}
        graph.setdefault(child, set()).update(inside - {child, "__init__.py"})
    return graph


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_circle_between_what_a_folder_holds(folder):
    try:
        TopologicalSorter(graph_of(folder, IMPORTS)).prepare()
    except CycleError as error:
        pytest.fail(f"{folder.relative_to(ROOT)}: {' imports '.join(reversed(error.args[1]))}")


def test_a_circle_would_be_seen():
    folder = ROOT / "index"
    back = {
        folder / "records" / "a.py": {folder / "jobs" / "b.py"},
        folder / "jobs" / "b.py": {folder / "records" / "a.py"},
    }
    with pytest.raises(CycleError):
        TopologicalSorter(graph_of(folder, back)).prepare()


def test_few_files_lie_beside_the_subfolders():
    assert len(list((ROOT / "index").glob("*.py"))) <= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_job(path):
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    # The client is one file on purpose, so that it can be copied to where it is needed.
    limit = 600 if path == ROOT / "service" / "client.py" else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, "two jobs share this file"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill", "shelve"}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "load" and ast.unparse(call.func) == "torch.load":
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert given.get("weights_only") == "True"
