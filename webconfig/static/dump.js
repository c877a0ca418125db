// Lines of a dump as they come: at most 5000 are kept, what is left out is told.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("dump");
  if (!box || !("EventSource" in window)) return;
  const filter = document.getElementById("dump-filter");
  const follow = document.getElementById("dump-follow");
  const note = document.getElementById("dump-skipped");
  const most = 5000;
  let skipped = 0;
  const matches = (line) => line.textContent.toLowerCase().includes(filter.value.toLowerCase());
  const down = () => { if (follow.checked) box.scrollTop = box.scrollHeight; };
  const skip = (n) => {
    if (!n) return;
    skipped += Math.max(n, 1);
    note.textContent = note.dataset.text.replace("{n}", String(skipped));
  };
  const source = new EventSource(`/api/v1/events?topics=${box.dataset.topic}`);
  source.addEventListener(box.dataset.topic, (event) => {
    const told = JSON.parse(event.data);
    skip(told.skipped);
    const fresh = document.createDocumentFragment();
    for (const text of told.lines) {
      const line = document.createElement("span");
      line.className = "line";
      line.textContent = `${text}\n`;
      line.hidden = !matches(line);
      fresh.append(line);
    }
    box.append(fresh);
    while (box.childElementCount > most) box.firstElementChild.remove();
    down();
  });
  source.addEventListener("skipped", (event) => skip(JSON.parse(event.data).skipped));
  filter.addEventListener("input", () => { for (const line of box.children) line.hidden = !matches(line); });
  addEventListener("pagehide", () => source.close());
  down();
});
