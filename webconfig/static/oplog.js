// Follow mode of the operation log: new rows come on top, at most 500 stay.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("follow");
  const body = document.getElementById("lines");
  if (!button || !body || !("EventSource" in window)) return;
  let source = null;
  button.hidden = false;
  button.addEventListener("click", () => {
    const on = source === null;
    button.setAttribute("aria-pressed", on ? "true" : "false");
    if (!on) {
      source.close();
      source = null;
      return;
    }
    source = new EventSource(button.dataset.follow);
    source.addEventListener("rows", (event) => {
      for (const none of body.querySelectorAll("tr.none")) none.remove();
      const rows = document.createElement("template");
      rows.innerHTML = JSON.parse(event.data).join("");
      body.prepend(rows.content);
      while (body.rows.length > 500) body.lastElementChild.remove();
    });
  });
  addEventListener("pagehide", () => source && source.close());
});
