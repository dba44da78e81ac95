"""A file of code as HTML whose lines can be linked to: #L42 is line 42, as on GitHub."""

import re


def numbered(text, language):
    """The lines of a text, coloured as `language`, each under the id L1, L2, ... and with a number that links to it."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=True)
    lines = highlight(text, lexer, HtmlFormatter(nowrap=True)).removesuffix("\n").split("\n")
    body = "\n".join(f'<span class="line" id="L{n}">{_number(n)}{line}</span>' for n, line in enumerate(lines, 1))
    return f'<div class="highlight numbered"><pre tabindex="0">{body}\n</pre></div>'


def _number(n):
    return f'<a class="number" href="#L{n}" aria-label="line {n}" data-n="{n}"></a>'


def raw(html):
    """HTML inside Markdown that is read by MyST."""
    marks = "`" * (max((len(run) for run in re.findall("`+", html)), default=0) + 3)
    return f"{marks}{{raw}} html\n{html}\n{marks}\n"
