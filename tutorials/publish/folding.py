"""Sections whose heading begins "At length:" are folded under it. A Sphinx extension."""

from .minutes import AT_LENGTH

OPEN = '<details class="at-length"><summary>Read it at length</summary>'


def fold(app, tree):
    """Put what stands under each such heading into <details>; the heading stays, so that links find it."""
    from docutils import nodes

    for section in list(tree.findall(nodes.section)):
        title, *rest = section.children
        if title.astext().startswith(AT_LENGTH) and rest:
            opening, closing = (nodes.raw("", text, format="html") for text in (OPEN, "</details>"))
            section[1:] = [opening, *rest, closing]


def setup(app):
    """Fold each document after it is read."""
    app.connect("doctree-read", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
