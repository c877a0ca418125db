// The picture of the driver's screen is taken anew while the page is looked at.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const shot = document.querySelector("img[data-every]");
  if (!shot) return;
  let n = 0;
  setInterval(() => {
    if (document.hidden || !shot.complete) return;
    n += 1;
    shot.src = `/hmi/screenshot?n=${Date.now()}-${n}`;
  }, Number(shot.dataset.every) * 1000);
});
