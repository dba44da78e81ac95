"""The papers of the repository keep their word: whom to cite, what is run elsewhere, what a report must say."""

import os
import re
from pathlib import Path

import pytest

import croco_np

ROOT = Path(__file__).parents[1]
CITATION = (ROOT / "CITATION.cff").read_text("utf-8")
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
TITLES = {
    "v1": "Disentangled Representation with Cross Experts Covariance Loss for Multi-Domain Recommendation",
    "v2": "Crocodile: Cross Experts Covariance for Disentangled Learning in Multi-Domain Recommendation",
}
# Names of the parts of a citation file at its outermost level, as far as they are of use here (format 1.2.0).
KEYS = {
    *("cff-version", "message", "type", "title", "version", "license", "abstract", "authors", "preferred-citation"),
    *("references", "keywords", "repository-code", "url", "date-released"),
}


def block(key):
    """The lines of one part of the citation."""
    return re.search(rf"^{key}:.*\n((?:[ -].*\n)*)", CITATION, re.MULTILINE)[0]


def test_the_citation_is_of_the_format():
    lines = CITATION.splitlines()
    assert "\t" not in CITATION
    assert all(re.match(r"[a-z-]+:( |$)|  |- ", line) for line in lines)
    keys = [line.partition(":")[0] for line in lines if not line.startswith((" ", "-"))]
    assert len(keys) == len(set(keys))
    assert {"cff-version", "message", "title", "authors"} <= set(keys) <= KEYS
    assert "cff-version: 1.2.0\n" in CITATION
    assert all(len(line) - len(line.lstrip()) in (0, 2, 4, 6) for line in lines)


def test_the_citation_is_of_this_version_and_of_both_titles_of_the_paper():
    assert f"\nversion: {croco_np.__version__}\n" in CITATION
    for version, key in ("v1", "references"), ("v2", "preferred-citation"):
        part = block(key)
        assert f'title: "{TITLES[version]}"\n' in part
        assert f'url: "https://arxiv.org/abs/2405.12706{version}"\n' in part
        authors = re.findall(r"{given-names: (\w+), family-names: (\w+)}", part)
        assert len(authors) == 10  # as many as arXiv's record has, for either version
        assert authors[:2] == [("Zhutian", "Lin"), ("Junwei", "Pan")]


def test_yaml_agrees():
    """What a parser makes of both files, where one is installed (the tutorials bring it)."""
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(CITATION)["preferred-citation"]["title"] == TITLES["v2"]
    assert yaml.safe_load(CITATION)["references"][0]["title"] == TITLES["v1"]
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert [step["run"] for step in jobs["linux"]["steps"] if "run" in step] == [".ci/run"]


def test_linux_runs_everything_by_one_command():
    assert re.search(r"^ +- run: \.ci/run$", WORKFLOW, re.MULTILINE)
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert WORKFLOW.startswith("# Only the Linux job has been run by the authors")


def test_what_is_run_elsewhere_exists():
    named = re.findall(r"tests/[\w/]+\.py", WORKFLOW)
    assert len(named) == len(set(named)) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", ["ISSUE_TEMPLATE/wrong_number.md", "pull_request_template.md"])
def test_reports_and_changes_name_their_equation_and_what_the_checker_says(name):
    text = (ROOT / ".github" / name).read_text("utf-8")
    assert "**Which equation**" in text
    commands = re.findall(r"python -m (croco_np\.\w+)", text)
    assert "croco_np.gradcheck" in commands
    for command in commands:
        assert (ROOT / command.replace(".", "/") / "__main__.py").is_file()
