"""Every page of a site opened in headless Chromium, served from this machine: what is broken, and pictures of pages."""

import contextlib
import functools
import http.server
import itertools
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import urlsplit

from croco_np.errors import InputError

from .extra import need

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SCHEMES = ("light", "dark")
SMALLEST = 11  # px, of text that is meant to be read
LOOK = """async () => {
  await Promise.all([...document.images].map(i => i.decode().catch(() => 0)));
  const boxes = [...document.querySelectorAll('math')].map(m => [m, m.getBoundingClientRect()]);
  return {
    ids: [...document.querySelectorAll('[id]')].map(e => e.id),
    links: [...document.querySelectorAll('a[href]')].map(a => new URL(a.getAttribute('href'), document.baseURI).href),
    pictures: [...document.images].filter(i => !i.naturalWidth).map(i => i.getAttribute('src')),
    formulas: boxes.filter(([m, b]) => b.width < 1 || b.height < 1).map(([m, b]) => m.getAttribute('alttext')),
  };
}"""
TOO_WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth + 1) return null;
  const clips = e => getComputedStyle(e).overflowX !== 'visible';
  const inside = e => e && e !== document.body && (clips(e) || inside(e.parentElement));
  const out = [...document.body.querySelectorAll('*')].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1 && !inside(e.parentElement));
  return `${document.documentElement.scrollWidth} px: ${out.slice(0, 1).map(e => e.outerHTML.slice(0, 120)).join('')}`;
}"""

CUT = """() => {
  const scrolls = e => e && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const cut = [...document.querySelectorAll('math, img, table, pre')].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e));
  return cut.map(e => e.getAttribute('alttext') || e.outerHTML.slice(0, 120));
}"""
TEXTS = """() => {
  document.querySelectorAll('details').forEach(e => { e.open = true; });
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), sizes = new Map();
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const e = node.parentElement, range = document.createRange();
    range.selectNode(node);
    const box = range.getBoundingClientRect();
    const shown = e.checkVisibility({visibilityProperty: true, opacityProperty: true});
    if (!shown || box.width < 3 || box.height < 3 || !node.data.trim()) continue;
    const matrix = e instanceof SVGElement && e.getScreenCTM ? e.getScreenCTM() : null;
    const scale = matrix ? Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c)) : 1;
    const size = Math.round(10 * scale * parseFloat(getComputedStyle(e).fontSize)) / 10;
    if (!sizes.has(size)) sizes.set(size, `${node.data.trim().slice(0, 30)} in ${e.outerHTML.trim().slice(0, 30)}`);
  }
  return [...sizes];
}"""
PATIENCE = 120_000  # ms


class Unavailable(InputError):
    """There is no browser to open pages with."""


def problems(site):
    """What is broken on the pages of a folder, a line each.

    Messages of error in the console, requests that fail or leave this machine, pictures and formulas that do not show,
    links within the site that lead nowhere, pages that scroll sideways on a phone or hide there what is too wide.
    """
    lines, seen = [], {}
    with serving(site) as base, browsing() as browser:
        page = browser.new_page(viewport=WIDE)
        page.set_default_timeout(PATIENCE)
        _listen(page, base, lines)
        for name in names(site):
            page.set_viewport_size(WIDE)
            page.goto(f"{base}/{name}", wait_until="load")
            seen[name] = look = page.evaluate(LOOK)
            lines += [f"{name}: the picture {src} does not show" for src in look["pictures"]]
            lines += [f"{name}: the formula {latex} does not show" for latex in look["formulas"]]
            page.set_viewport_size(PHONE)
            if said := page.evaluate(TOO_WIDE):
                lines.append(f"{name}: scrolls sideways on a phone, {said}")
            lines += [f"{name}: cut off on a phone: {what}" for what in page.evaluate(CUT)]
    return lines + _dead_links(Path(site), base, seen)


def small_text(site, pages, smallest=SMALLEST):
    """Text of less than `smallest` px on pages of a site, a line for each size: wide and on a phone, light and dark.

    Inside an SVG the size is as drawn, with the picture's scale. What is folded counts, too; PNG cannot be read.
    """
    lines = []
    for page, name, width, scheme in each_view(site, pages):
        small = [(size, what) for size, what in page.evaluate(TEXTS) if size < smallest]
        lines += [f"{name}, {width} px, {scheme}: text of {size} px: {what}" for size, what in small]
    return lines


def picture(site, folder):
    """Write PNGs of each page but those of source code: wide and as on a phone, light and dark -> how many."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pages = [name for name in names(site) if not name.startswith("source/")]
    for page, name, width, scheme in each_view(site, pages):
        file = folder / f"{name.removesuffix('.html').replace('/', '-')}-{width}-{scheme}.png"
        page.screenshot(path=file, full_page=True)
    return 4 * len(pages)


def each_view(site, pages):
    """Open each page wide and as on a phone, light and dark -> the opened page, its name, its width, its scheme."""
    with serving(site) as base, browsing() as browser:
        for scheme, viewport in itertools.product(SCHEMES, (WIDE, PHONE)):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.set_default_timeout(PATIENCE)
            for name in pages:
                page.goto(f"{base}/{name}", wait_until="load")
                yield page, name, viewport["width"], scheme
            page.close()


def names(site):
    """The pages of a site, as addresses below it."""
    return sorted(path.relative_to(site).as_posix() for path in Path(site).rglob("*.html"))


def executable():
    """The Chromium of this machine, else that of Playwright; None if there is neither."""
    from playwright.sync_api import sync_playwright

    for name in CHROMIUM:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if os.path.exists(own) else None


@contextlib.contextmanager
def browsing():
    """A headless Chromium; raises Unavailable, with what to install, if there is none."""
    need("playwright")
    from playwright.sync_api import Error, sync_playwright

    path = executable()
    if path is None:
        raise Unavailable("no Chromium to open pages with; install chromium, or run playwright install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])  # own pages only
        try:
            yield browser
        except Error as error:
            raise InputError(f"Chromium stopped: {str(error).partition(chr(10))[0]}") from None
        finally:
            browser.close()


@contextlib.contextmanager
def serving(site):
    """A server of a folder on this machine -> its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _listen(page, base, lines):
    """Note what the page complains of, and what it asks for in vain or elsewhere."""

    def asked(request):
        if not request.url.startswith((base, "data:", "blob:")):
            lines.append(f"{_name(page.url)}: asks for {request.url}, which is not on the site")

    def answered(response):
        if response.status >= 400:
            lines.append(f"{_name(page.url)}: {response.url.removeprefix(base)} answers {response.status}")

    def failed(request):
        if request.failure != "net::ERR_ABORTED":  # the next page was opened before this one had all it asked for
            lines.append(f"{_name(page.url)}: {request.url} failed, {request.failure}")

    page.on("request", asked)
    page.on("response", answered)
    page.on("requestfailed", failed)
    page.on("console", lambda m: m.type == "error" and lines.append(f"{_name(page.url)}: console: {m.text}"))
    page.on("pageerror", lambda error: lines.append(f"{_name(page.url)}: script: {error}"))


def _name(url):
    return urlsplit(url).path.lstrip("/")


def _dead_links(site, base, seen):
    """Links within the site whose page or place on the page does not exist."""
    lines = []
    for name, look in seen.items():
        for url in sorted({url for url in look["links"] if url.startswith(base)}):
            goal, fragment = _name(url), urlsplit(url).fragment
            if not (site / goal).is_file():
                lines.append(f"{name}: the link to {goal or '/'} leads nowhere")
            elif fragment and goal in seen and fragment not in seen[goal]["ids"]:
                lines.append(f"{name}: the link to {goal}#{fragment} leads to no place on that page")
    return lines
