"""A page of results to read in a browser: one HTML file that holds its tables, pictures, style and script.

page      `Page`, `Section`, `Table`, `Figure`: what a page is made of, for a run or for several
svg       a Matplotlib figure as SVG inside the page
pictures  the pictures of a run
run       the page of a run
"""

from .page import Cell, Figure, Page, Section, Table

__all__ = ["Cell", "Figure", "Page", "Section", "Table"]
