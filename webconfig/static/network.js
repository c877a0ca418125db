// The countdown of a change that waits for Keep runs every second; when it has ended, the page is read anew.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const count = document.querySelector("[data-pending] .count");
  if (!count) return;
  setInterval(() => {
    const left = Number(count.textContent) - 1;
    if (left >= 0) count.textContent = String(left);
    else location.assign("/network");
  }, 1000);
});
