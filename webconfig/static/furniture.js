// Comforts of every page that this browser keeps for each log-in: how often values change, keys for pages, columns of
// wide tables; and the link to the page. Everything is there without them.
"use strict";

(() => {
  const PLACES = { h: "/", c: "/connectors", s: "/sessions", l: "/limits", o: "/oplog", d: "/devices", k: "/config" };
  const WIDE = 6;
  let login = "";

  const kept = (name) => localStorage.getItem(`${name}:${login}`);
  const keep = (name, value) => localStorage.setItem(`${name}:${login}`, value);

  function pace() {
    const every = document.getElementById("every");
    every.value = localStorage.getItem("every") || "0";
    document.getElementById("still").hidden = !(document.body.dataset.liveOf && every.value === "-1");
    every.addEventListener("change", () => {
      localStorage.setItem("every", every.value);
      location.reload();
    });
  }

  function keys() {
    const box = document.getElementById("shortcuts");
    box.checked = kept("keys") !== "off";
    box.addEventListener("change", () => keep("keys", box.checked ? "on" : "off"));
    let isGoing = 0;
    document.addEventListener("keydown", (event) => {
      if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      if (event.target.closest("input, select, textarea, [contenteditable]")) return;
      if (event.key === "?") location.assign("/help#keys");
      else if (event.key === "/") {
        const search = document.querySelector("main input[type=search]");
        if (!search) return;
        const folded = search.closest("details");
        if (folded) folded.open = true;
        search.focus();
      } else if (event.key === "g") {
        isGoing = Date.now();
        return;
      } else if (Date.now() - isGoing < 1500 && Object.hasOwn(PLACES, event.key)) location.assign(PLACES[event.key]);
      else return;
      event.preventDefault();
    });
  }

  function link() {
    const button = document.getElementById("copy-link");
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(location.href);
      const text = button.textContent;
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = text; }, 2000);
    });
  }

  // A wide table gets a box for each column; what is switched off stays so for this log-in.
  function columns(title) {
    const page = location.pathname.replace(/\d+/g, "n");
    document.querySelectorAll("main .scroll > table").forEach((table, place) => {
      const heads = [...table.querySelectorAll("thead th")];
      if (heads.length < WIDE || !table.tBodies.length) return;
      const name = `columns:${page}:${place}`;
      const off = new Set(JSON.parse(kept(name) || "[]"));
      const show = () => {
        for (const row of table.rows) {
          if (row.cells.length !== heads.length) continue;
          [...row.cells].forEach((cell, n) => {
            if (cell.hidden !== off.has(n)) cell.hidden = off.has(n);
          });
        }
      };
      const box = document.createElement("details");
      box.className = "columns-of";
      const summary = document.createElement("summary");
      summary.textContent = title;
      box.append(summary);
      heads.forEach((head, n) => {
        if (n === 0) return; // it names the row
        const label = document.createElement("label");
        label.className = "switch";
        const check = document.createElement("input");
        check.type = "checkbox";
        check.checked = !off.has(n);
        check.addEventListener("change", () => {
          if (check.checked) off.delete(n);
          else off.add(n);
          keep(name, JSON.stringify([...off]));
          show();
        });
        label.append(check, head.textContent);
        box.append(label);
      });
      table.parentElement.before(box);
      show();
      new MutationObserver(show).observe(table.tBodies[0], { childList: true });
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const comforts = document.getElementById("comforts");
    const foot = document.querySelector("footer.foot");
    if (!comforts || !foot) return;
    login = comforts.dataset.login;
    comforts.hidden = false;
    pace();
    keys();
    link();
    columns(foot.dataset.columns);
  });
})();
