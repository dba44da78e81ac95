/* A link to a place inside something folded opens it, each time it is followed. Without this script a click does. */
(() => {
  "use strict";

  function unfold(hash) {
    const place = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!place) return;
    const own = place.querySelector(":scope > details.at-length");  // of a heading "At length:"
    if (own) own.open = true;
    let folded = false;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      folded ||= !fold.open;
      fold.open = true;
    }
    if (folded) place.scrollIntoView();
  }

  addEventListener("hashchange", () => unfold(location.hash));
  /* The same link once more changes no hash. */
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey) unfold(link.hash);
  });
  unfold(location.hash);
})();
