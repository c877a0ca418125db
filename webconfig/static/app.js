// Live values, and small comforts; every form and link works without it.
"use strict";

function put(root, values) {
  for (const [key, value] of Object.entries(values)) {
    const at = key.lastIndexOf("@");
    const name = at < 0 ? key : key.slice(0, at);
    const what = at < 0 ? "" : key.slice(at + 1);
    for (const element of root.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) {
      if (what === "") {
        if (element.textContent !== value) element.textContent = value;
      } else if (what === "html") {
        element.innerHTML = value;
      } else if (value === "") {
        element.removeAttribute(what);
      } else {
        element.setAttribute(what, value);
      }
    }
  }
}

function follow(path) {
  const every = Number(localStorage.getItem("every") || "0");
  if (every < 0) return;
  let heard = Date.now();
  const source = new EventSource(`/live?of=${encodeURIComponent(path)}&every=${every}`);
  source.addEventListener("values", (event) => {
    heard = Date.now();
    put(document, JSON.parse(event.data));
    document.dispatchEvent(new CustomEvent("values"));
  });
  setInterval(() => {
    const isStale = source.readyState !== EventSource.OPEN || Date.now() - heard > 20000;
    document.body.classList.toggle("stale", isStale);
  }, 1000);
  addEventListener("pagehide", () => source.close());
}

document.addEventListener("DOMContentLoaded", () => {
  const of = document.body.dataset.liveOf;
  if (of && "EventSource" in window) follow(of);
});
