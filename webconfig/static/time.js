// How far this browser's clock is from the station's, and a button that sends it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const told = document.getElementById("browser");
  if (told && told.dataset.station) {
    const off = (Date.now() - Number(told.dataset.station)) / 1000;
    told.querySelector("strong").textContent = (off > 0 ? "+" : "") + off.toFixed(1);
    told.hidden = false;
  }
  const take = document.getElementById("take");
  const epoch = document.getElementById("epoch");
  if (!take || !epoch) return;
  take.hidden = false;
  take.form.addEventListener("submit", () => { epoch.value = String(Date.now()); });
});
