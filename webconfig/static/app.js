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

// Values of a page as they change. A hidden page hears nothing (browsers keep few connections open to one station);
// when it is seen again, or the stream was lost for good, it begins anew, or asks who is there.
function follow(path) {
  const every = Number(localStorage.getItem("every") || "0");
  if (every < 0) return;
  let source = null;
  let heard = Date.now();
  let open = Date.now();
  let again = 0;
  function begin() {
    if (source || document.hidden) return;
    heard = open = Date.now();
    source = new EventSource(`/live?of=${encodeURIComponent(path)}&every=${every}`);
    source.addEventListener("values", (event) => {
      heard = Date.now();
      put(document, JSON.parse(event.data));
      document.dispatchEvent(new CustomEvent("values"));
    });
    source.addEventListener("error", () => {
      if (!source || source.readyState !== EventSource.CLOSED) return;
      end();
      clearTimeout(again);
      again = setTimeout(ask, 5000);
    });
  }
  function end() {
    if (source) source.close();
    source = null;
  }
  async function ask() {
    try {
      const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") location.reload(); // logged out meanwhile
      else begin();
    } catch {
      again = setTimeout(ask, 5000);
    }
  }
  setInterval(() => {
    if (source && source.readyState === EventSource.OPEN) open = Date.now();
    const isStale = Date.now() - open > 5000 || Date.now() - heard > 20000 + 2000 * every;
    document.body.classList.toggle("stale", isStale);
  }, 1000);
  document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
  addEventListener("pagehide", end);
  addEventListener("pageshow", begin);
  begin();
}

document.addEventListener("DOMContentLoaded", () => {
  const of = document.body.dataset.liveOf;
  if (of && "EventSource" in window) follow(of);
});
