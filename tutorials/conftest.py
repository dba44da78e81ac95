"""All notebooks, run once from their .py for all tests, two at a time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from croco_np.errors import InputError
from tutorials.publish import browser, extra, lessons, notebooks, pages

FOLDER = Path(__file__).parent
LIBRARIES = ("jupytext", "nbclient", "ipykernel", "sphinx", "myst_nb", "furo", "latex2mathml")

collect_ignore_glob = ["[0-9][0-9]_*.py"]  # they are run in kernels, not imported for their doctests


def pytest_collection_modifyitems(items):
    """Without the extra, each test here is skipped, and says what to install."""
    try:
        extra.need(*LIBRARIES)
    except InputError as error:
        for item in items:
            if item.path.parent == FOLDER:
                item.add_marker(pytest.mark.skip(reason=str(error)))


@pytest.fixture(scope="session")
def runs(request):
    """Function path -> executed notebook; the tests that were asked for decide which are run."""
    paths = {item.callspec.params["path"] for item in request.session.items if "runs" in item.fixturenames}
    with ThreadPoolExecutor(2) as pool:
        futures = {path: pool.submit(notebooks.execute, path) for path in sorted(paths)}
        yield lambda path: futures[path].result()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site, built once of the stored notebooks."""
    out = tmp_path_factory.mktemp("site") / "html"
    count, wrong = pages.build(FOLDER, out)
    assert wrong == []
    assert count > len(lessons.sources(FOLDER))
    return out


@pytest.fixture(scope="module")
def chromium():
    """A headless browser; the test is skipped, and says why, where there is none."""
    try:
        with browser.browsing() as opened:
            yield opened
    except browser.Unavailable as why:
        pytest.skip(str(why))


def pytest_generate_tests(metafunc):
    """A test with an argument `path` is a test of each tutorial."""
    if "path" in metafunc.fixturenames:
        paths = lessons.sources(FOLDER)
        metafunc.parametrize("path", paths, ids=[path.stem for path in paths])
