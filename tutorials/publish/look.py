"""What the pages look like: settings of Sphinx, and the files of `static`, which every page loads.

A file put into `static` is copied to the site; style sheets and scripts are linked on each page, by name.
"""

from pathlib import Path

STATIC = Path(__file__).with_name("static")
SCENE = "scene.css"  # of the pictures: the package's own, which notebooks carry along


def files(*suffixes):
    """Names of the files in `static` that end like this, in order."""
    return sorted(path.name for path in STATIC.iterdir() if path.suffix in suffixes)


def settings(version):
    """Configuration of Sphinx."""
    return {
        "project": "Crocodile, by hand",
        "html_title": "Crocodile, by hand",
        "version": version,
        "release": version,
        "copyright": "the authors of croco_np",
        "extensions": ["myst_nb", "tutorials.publish.mathml", "tutorials.publish.folding"],
        "root_doc": "index",
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        "nb_render_markdown_format": "myst",  # outputs, too, hold formulas and links
        "myst_enable_extensions": ["dollarmath", "amsmath"],
        "myst_heading_anchors": 4,
        "html_math_renderer": "mathml",
        "html_theme": "furo",
        "html_static_path": ["_static"],
        "html_favicon": "_static/icon.svg",
        "html_css_files": [*files(".css"), SCENE],
        "html_js_files": [(name, {"defer": "defer"}) for name in files(".js")],
        "html_show_sphinx": False,
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_use_index": False,
        "html_domain_indices": False,
        "exclude_patterns": ["_static"],
    }
