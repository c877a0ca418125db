// A package is sent in parts; after a lost connection it goes on where the station stands.
"use strict";

const PART = 256 * 1024;
const TRIES = 8;

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("upload");
  if (!box) return;
  box.hidden = false;
  const file = document.getElementById("package-file");
  const button = document.getElementById("send-package");
  const bar = document.getElementById("upload-done");
  const said = document.getElementById("upload-said");

  async function ask(method, path, body, type) {
    const answer = await fetch(path, {
      method,
      body,
      headers: { "Content-Type": type, "X-CSRF-Token": document.body.dataset.csrf },
    });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    if (answer.status === 409 && told.code === "offset") return { offset: Number(told.fields.offset) };
    const error = new Error(told.detail || answer.statusText);
    error.isRefused = answer.status < 500 && answer.status !== 429;
    throw error;
  }

  async function send(chosen) {
    const begin = JSON.stringify({ name: chosen.name, size_bytes: chosen.size });
    let at = (await ask("POST", "/api/v1/firmware", begin, "application/json")).offset;
    let failed = 0;
    while (at < chosen.size) {
      const path = `/api/v1/firmware/${encodeURIComponent(chosen.name)}?offset=${at}&size_bytes=${chosen.size}`;
      try {
        const part = chosen.slice(at, at + PART);
        at = (await ask("PUT", path, part, "application/octet-stream")).offset;
        failed = 0;
      } catch (error) {
        failed += 1;
        if (error.isRefused || failed > TRIES) throw error;
        said.textContent = box.dataset.lost;
        await new Promise((done) => setTimeout(done, 1000 * failed));
        at = (await ask("POST", "/api/v1/firmware", begin, "application/json")).offset;
      }
      bar.value = (100 * at) / chosen.size;
      said.textContent = `${box.dataset.sending} ${Math.floor((100 * at) / chosen.size)} %`;
    }
  }

  button.addEventListener("click", async () => {
    const chosen = file.files[0];
    if (!chosen) {
      said.textContent = box.dataset.wait;
      file.focus();
      return;
    }
    button.disabled = true;
    bar.hidden = false;
    try {
      await send(chosen);
      said.textContent = box.dataset.done;
      location.reload();
    } catch (error) {
      said.textContent = `${box.dataset.failed} ${error.message}`;
    } finally {
      button.disabled = false;
    }
  });
});
