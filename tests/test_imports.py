"""Imports go down only: a room (a package, or a module beside them) uses the rooms on the floors below its own."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "croco_np"
FLOORS = (
    {"experiments", "learn", "__main__"},
    {"bench", "doctor", "recommender", "teaching"},
    {"train", "gradcheck"},
    {"report"},
    {"diagnostics"},
    {"predict"},
    {"runs", "costs"},
    {"config", "objective"},
    {"models", "optim", "metrics"},
    {"layers", "losses", "datasets"},
    {"kernels"},
    {"batch", "tree", "storage"},
    {"arguments", "canvas", "options", "overlap", "command"},
    {"backend"},
    {"machine", "standin"},
    {"errors"},
)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def room(module):
    return module.split(".")[0]


def floor(module):
    """Number of the floor, 0 at the top."""
    fits = [i for i, rooms in enumerate(FLOORS) if room(module) in rooms]
    assert len(fits) == 1, f"{room(module)} has no floor; give it one"
    return fits[0]


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
            for alias in node.names:
                name = ".".join([*prefix, alias.name])
                yield name if name in MODULES else ".".join(prefix)


MODULES = {module for module in modules() if module != "__init__"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module):
    for other in imported(module):
        if other and room(other) != room(module):
            assert floor(other) > floor(module), f"{module} imports {other}: that goes up or sideways"


def test_no_circles_inside_a_room():
    """A package's __init__ stands above its modules: they do not import from it."""
    graph = {module: {other for other in imported(module) if other in MODULES} for module in MODULES}
    TopologicalSorter(graph).prepare()


def test_only_the_kernels_know_numba():
    users = {m for m in modules() if "numba" in "".join(_imported_libraries(m))}
    assert users <= {"kernels.compiler", "kernels.cache", "kernels.cuda.launch", "kernels.device"}


def test_only_the_backend_knows_cupy():
    users = {m for m in modules() if "cupy" in {name.partition(".")[0] for name in _imported_libraries(m)}}
    assert users == {"backend"}


def _imported_libraries(module):
    """Names of modules that are imported by a statement, or by a function that is given the name."""
    path = PACKAGE.joinpath(*module.split(".")) if module != "__init__" else PACKAGE
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str))
