// The list says that there are newer sessions; it does not move under the reader's finger.
"use strict";

document.addEventListener("values", () => {
  const link = document.querySelector("[data-fresh]");
  const newest = document.querySelector('[data-live="newest"]');
  if (link && newest) link.hidden = Number(newest.textContent) <= Number(link.dataset.fresh);
});
