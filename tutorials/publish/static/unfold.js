/* A link to a place inside something folded opens it. Without this script a click does. */
(() => {
  "use strict";

  function unfold() {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
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

  addEventListener("hashchange", unfold);
  unfold();
})();
