"""Imports go down only: a room may use the rooms on the floors below its own, and its neighbours in its own folder."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "croco_np"
FLOORS = (
    {"doctor", "bench", "teaching"},
    {"diagnostics.__main__", "diagnostics.report"},
    {"train", "__main__"},
    {"predict.__main__"},
    {"gradcheck"},
    {"predict"},
    {"runs", "costs"},
    {"objective", "config", "datasets.load"},
    {"diagnostics", "models", "metrics", "optim"},
    {"losses", "datasets"},
    {"layers"},
    {"kernels"},
    {"tree", "batch", "storage"},
    {"command", "arguments", "overlap"},
    {"machine"},
    {"errors"},
)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def floor(module):
    """Number of the floor, 0 at the top, by the longest name that fits."""
    fits = [(name, i) for i, names in enumerate(FLOORS) for name in names if (module + ".").startswith(name + ".")]
    assert fits, f"{module} has no floor; give it one"
    return max(fits, key=lambda fit: len(fit[0]))


def imported(module):
    """Modules of the package that a module imports."""
    path = PACKAGE.joinpath(*module.split("."))
    package = path if path.is_dir() else path.parent
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package
            for _ in range(node.level - 1):
                base = base.parent
            prefix = list(base.relative_to(PACKAGE).parts) + (node.module.split(".") if node.module else [])
            names = [".".join(prefix)] if node.module else [".".join([*prefix, alias.name]) for alias in node.names]
            yield from (name for name in names if name and name != "__version__")


@pytest.mark.parametrize("module", [m for m in modules() if m != "__init__"])
def test_imports_go_down(module):
    room, own = floor(module)
    for other in imported(module):
        other_room, below = floor(other)
        same_folder = other.split(".")[0] == module.split(".")[0]
        assert below > own or other_room == room or same_folder, f"{module} imports {other}: that goes up or sideways"


def test_only_the_kernels_know_numba():
    users = [
        m
        for m in modules()
        if m not in ("kernels.compiler", "kernels.cache") and "numba" in "".join(_imported_libraries(m))
    ]
    assert users == []


def _imported_libraries(module):
    path = PACKAGE.joinpath(*module.split(".")) if module != "__init__" else PACKAGE
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
