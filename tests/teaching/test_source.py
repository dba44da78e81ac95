"""What `show` prints: the library's own lines, where they stand, and their derivation behind a click."""

import re
import textwrap
from pathlib import Path

import pytest

from croco_np.diagnostics import diversity_index
from croco_np.kernels.mix import mix_elements
from croco_np.layers import ElementGate, Linear, Tower
from croco_np.losses import covariance
from croco_np.teaching import show
from croco_np.teaching.source import Source, listing

ROOT = Path(__file__).parents[2]
DETAILS = re.compile(r"<details>\n<summary>(.*?)</summary>\n(.*?)</details>", re.DOTALL)


@pytest.mark.parametrize("thing", [Linear.forward, Tower, covariance, diversity_index, mix_elements.reference])
def test_a_listing_knows_its_line(thing):
    path, line, text = listing(thing)
    lines = (ROOT / path).read_text().splitlines()[line - 1 :]
    assert textwrap.dedent("\n".join(lines[: len(text.splitlines())])) == text
    assert show(thing).markdown.startswith(f"[`{path}`, line {line}](../{path}#L{line})\n\n````python\n")


def test_a_method_is_shown_with_the_derivation_of_its_class_once():
    ((said, text),) = DETAILS.findall(show(ElementGate.forward, ElementGate.backward, ElementGate.logits).markdown)
    assert said == "The derivation of <code>ElementGate</code>"
    assert "    da_m = do_m * (o_m - h)" in text
    assert "Prior-informed element-wise gate (PEG)" not in DETAILS.sub("", show(ElementGate.backward).markdown)


def test_a_kernel_is_shown_by_its_definition_and_in_words():
    ((said, text),) = DETAILS.findall(show(mix_elements).markdown)
    assert said == "In words: <code>mix_elements</code>"
    assert "Gate logits a and expert outputs o" in text


def test_printed_it_is_code_under_the_name_of_its_file():
    text = repr(show(covariance, Linear.backward))
    assert text.startswith("# croco_np/losses/covariance.py\ndef covariance(")
    assert "\n\n# croco_np/layers/linear.py\ndef backward(" in text
    assert "CovLoss, Eq. (6)" not in text
    compile(text, "shown", "exec")


def test_with_its_docstring_nothing_is_folded():
    source = show(covariance, docstring=True)
    assert '"""CovLoss, Eq. (6)' in source.text
    assert "<details>" not in source.markdown


def test_a_named_tuple_without_words_of_its_own_has_no_derivation():
    from croco_np.layers.mlp import DenseCache

    assert "<details>" not in show(DenseCache).markdown


def test_code_from_elsewhere_is_shown_without_a_link(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def f():\n    return 1\n")
    space = {"__name__": "json"}
    exec(compile(file.read_text(), str(file), "exec"), space)
    assert show(space["f"]).markdown == "````python\ndef f():\n    return 1\n````"


def test_a_note_in_the_place_of_a_listing():
    assert Source("not installed")._repr_markdown_() == "````python\nnot installed\n````"
