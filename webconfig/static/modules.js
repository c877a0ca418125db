// The slider of the commutation scheme: shows that moment while it moves; without this it is a form.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-moment]");
  const slider = form && form.querySelector("input[type=range]");
  if (!slider) return;
  if (document.body.dataset.liveOf) {
    slider.addEventListener("change", () => form.requestSubmit());
    return;
  }
  let waiting = 0;
  slider.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const answer = await fetch(`${form.dataset.moment}?at=${slider.value}`, { headers: { "X-Refresh": "1" } });
      if (answer.ok) put(document, await answer.json());
    }, 120);
  });
});
