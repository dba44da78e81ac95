"""Notebooks and the site, both from tutorials/NN_name.py: `python -m tutorials.publish`.

notebooks  a .py in percent format -> an executed .ipynb, the same file in each build
outputs    do two runs of a notebook say the same?
markup     do two pieces of HTML or SVG show the same?
minutes    how long a tutorial takes to read: `python -m tutorials.publish.minutes`
lessons    what the first cell of a tutorial promises, and the table of tutorials
teachers   what the page for teachers lists: lessons, planted bugs
results    tables of committed results inside pages: `python -m tutorials.publish.results`
cells      cells of a notebook -> cells of its page
folding    sections "At length:" folded under their heading
equations  formula, class, test and lesson of each equation: `python -m tutorials.publish.equations`
mentions   equations that a text names -> links
links      links between files of the repository -> links between pages
listing    a file of code -> HTML whose lines can be linked to
pages      notebooks, sources and index -> HTML, by Sphinx
mathml     formulas -> MathML, which browsers draw without a script
try_it     exercises that are done on the page, and the package as the browser loads it
look       settings of the pages, and the files of static: style sheets, scripts, icons
browser    every page opened in Chromium: what is broken, and pictures of pages

Libraries of the extra `tutorials` are imported where they are used, so all modules load without them.
"""
