"""Formulas as MathML, which browsers draw themselves: no script, no network. A Sphinx extension."""

import html
import re

# delimiters by name, which the converter leaves as they are after \big and its like
DELIMITERS = {"langle": "⟨", "rangle": "⟩", "{": "{", "}": "}", "|": "‖", "lVert": "‖", "rVert": "‖", "lvert": "|"}
DELIMITERS |= {"Vert": "‖", "vert": "|", "rvert": "|", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉"}

BOLD = {ord("0") + d: chr(0x1D7CE + d) for d in range(10)}  # browsers do not make digits bold themselves

# a subscript of three letters or more is a word, unless all three are letters that indices go by, as in x_{ikl}
SUBSCRIPT = re.compile(r"_\{((?![abi-nq-vp]{3}\})(?:[A-Za-z]|\\_){3,})\}")

LONG = 40  # characters of LaTeX from which a formula in a line may be wider than a phone


def mathml(latex, display):
    """LaTeX -> a <math> element; ValueError says what of it cannot be set."""
    from latex2mathml.converter import convert

    braces = re.sub(r"\\.", "", latex)  # a pair more or less, and the converter guesses
    if braces.count("{") != braces.count("}"):
        raise ValueError("a brace is missing")
    plain = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{align*}", latex)  # the converter knows it by this name
    plain = SUBSCRIPT.sub(lambda m: rf"_{{\mathrm{{{m[1]}}}}}", plain)
    try:
        text = convert(plain, display="block" if display else "inline")
    except Exception as error:  # the converter has many exceptions, and no base class for them
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
    for name, sign in DELIMITERS.items():
        text = text.replace(f">\\{name}</mo>", f">{sign}</mo>")
    # a bar is no operator with space around it, and \big grows both of a pair alike
    text = re.sub(r'<mo(?: stretchy="false")?>&#x0007C;', '<mo stretchy="false" lspace="0" rspace="0">|', text)
    text = re.sub(
        r'<mo(?: fence="false" stretchy="false")?>&#x02016;', '<mo stretchy="false" lspace="0" rspace="0">‖', text
    )
    text = text.replace("<mi>&#x000B1;</mi>", "<mo>±</mo>")
    text = re.sub(r'<mn mathvariant="bold">(\d+)</mn>', lambda m: f"<mn>{m[1].translate(BOLD)}</mn>", text)
    text = re.sub(r"(<mi>(?:ln|log|exp|max|min)</mi>)(?=<m[in]>)", r'\1<mspace width="0.17em"/>', text)
    text = text.replace("<mo minsize", '<mo stretchy="true" lspace="0" rspace="0" minsize')
    text = _upright(text)
    text = _primes(text)
    if unknown := re.search(r"\\[A-Za-z]*", text):  # what it does not know it passes through
        raise ValueError(f"{unknown[0]} is not known here")
    if ">&<" in text or 'linebreak="newline"' in text:
        raise ValueError(r"& or \\ in an environment that is not known; use aligned, cases or a matrix")
    return text.replace("<math ", f'<math alttext="{html.escape(latex)}" ', 1)


def _primes(text):
    """A prime is raised by its own glyph; as a superscript it would be raised and made small once more."""
    text = re.sub(r"<mi>(&#x020(?:3[2-4]|57);)</mi>", r'<mo class="prime" lspace="0" rspace="0">\1</mo>', text)
    return re.sub(r'<msup>(<mi[^>]*>[^<]*</mi>)(<mo class="prime".*?</mo>)</msup>', r"<mrow>\1\2</mrow>", text)


def _upright(text):
    r"""Letters of \mathrm as the words they are: the converter writes a single one by its number, several one by one.

    A single letter would be set in italics; <mi> of several letters is upright by itself.
    """
    numbered = r"<mi>&#x000([46][1-9A-F]|[57][0-9A]);</mi>"
    text = re.sub(numbered, lambda one: f'<mi mathvariant="normal">{chr(int(one[1], 16))}</mi>', text)
    letters = r'<mi mathvariant="normal">(\w|&#x0005F;)</mi>'
    text = re.sub(rf"(?:{letters}){{2,}}", lambda run: f"<mi>{''.join(re.findall(letters, run[0]))}</mi>", text)
    return re.sub(rf"({letters})(?=<mi>)", r'\1<mspace width="0.15em"/>', text)  # a product, no word


def setup(app):
    """Register as Sphinx's renderer of formulas."""
    from docutils.nodes import SkipNode
    from sphinx.util import logging

    def visit(display, box):
        def visitor(translator, node):
            latex = node.astext().strip()
            try:
                text = mathml(latex, display)
                translator.body.append(
                    f'<{box} class="formula">{text}</{box}>' if display or len(latex) > LONG else text
                )
            except ValueError as error:
                where = translator.builder.current_docname
                logging.getLogger(__name__).warning("formula %s: %s", " ".join(latex.split()), error, location=where)
            raise SkipNode

        return visitor

    app.add_html_math_renderer("mathml", (visit(False, "span"), None), (visit(True, "div"), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
