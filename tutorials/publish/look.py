"""Settings and style sheet of the pages."""

STYLE = """\
/* what is wider than a phone scrolls in its own box, never the page */
div.formula, .table-wrapper, .cell_output pre, .highlight pre { overflow-x: auto; }
div.formula { margin: 1em 0; padding: 0.2em 0; }
@media (max-width: 46em) {
  span.formula { display: inline-block; max-width: 100%; overflow: auto hidden; vertical-align: middle; }
}
/* brackets and sums grow only in a font made for mathematics: one of Linux, macOS or Windows, else the browser's */
math { font: 1.08em "Latin Modern Math", "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre", math; }
mtd[columnalign="left"] { text-align: left; }  /* MathML Core leaves both of these to CSS */
mtd[columnalign="right"] { text-align: right; }
mtable[displaystyle] > mtr > mtd { padding: 3pt 0; }
mtable[displaystyle] > mtr > mtd:nth-child(2n + 3) { padding-left: 2em; }
article table { font-size: 0.9em; }
article code { overflow-wrap: anywhere; }
article td code, article th code { overflow-wrap: normal; white-space: nowrap; }  /* the table's box scrolls */
@media (min-width: 76em) { .content { width: 54em; } }  /* 100 characters of code and more */
@media (min-width: 46em) { .highlight pre { font-size: 0.74rem; } }
@media (max-width: 46em) { section#tutorials td:nth-child(4), section#tutorials th:nth-child(4) { display: none; } }
.cell_output img { margin-top: 0.8em; background: white; max-width: 100%; height: auto; }
article h1 { overflow-wrap: anywhere; }
div.cell { margin: 1em 0; }
"""

ICON = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><rect width="2" height="2" fill="#00224e"/>\
<rect width="1" height="1" fill="#fee838"/><rect x="1" y="1" width="1" height="1" fill="#fee838"/></svg>
"""


def settings(version):
    """Configuration of Sphinx."""
    return {
        "project": "Crocodile, by hand",
        "html_title": "Crocodile, by hand",
        "version": version,
        "release": version,
        "copyright": "the authors of croco_np",
        "extensions": ["myst_nb", "tutorials.publish.mathml"],
        "root_doc": "index",
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        "myst_enable_extensions": ["dollarmath", "amsmath"],
        "myst_heading_anchors": 4,
        "html_math_renderer": "mathml",
        "html_theme": "furo",
        "html_static_path": ["_static"],
        "html_favicon": "_static/icon.svg",
        "html_css_files": ["croco.css"],
        "html_show_sphinx": False,
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_use_index": False,
        "html_domain_indices": False,
        "exclude_patterns": ["_static"],
    }
