// Charts: a crosshair with values over all linked charts, zoom by drag, a picture of each as PNG.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const STYLED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font", "font-size", "font-weight", "font-family", "display", "paint-order"];

function box(svg) {
  const [left, top, right, bottom] = svg.dataset.box.split(" ").map(Number);
  return { left, top, right, bottom, from: Number(svg.dataset.from), to: Number(svg.dataset.to), low: Number(svg.dataset.low), high: Number(svg.dataset.high) };
}

function pointsOf(path) {
  if (path.points) return path.points;
  const points = [];
  let x = 0, y = 0;
  for (const [, command, rest] of path.getAttribute("d").matchAll(/([MLHVh])([^MLHVh]*)/g)) {
    const numbers = rest.trim().split(" ").map(Number);
    if (command === "M") points.push(null);
    if (command === "M" || command === "L") [x, y] = numbers;
    else if (command === "H") x = numbers[0];
    else if (command === "V") y = numbers[0];
    else x += numbers[0];
    points.push([x, y]);
  }
  path.points = points;
  return points;
}

function valueAt(path, at) {
  let before = null;
  for (const point of pointsOf(path)) {
    if (point && before && before[0] <= at && point[0] >= at) {
      const width = point[0] - before[0];
      return width > 0 ? before[1] + ((at - before[0]) / width) * (point[1] - before[1]) : point[1];
    }
    before = point;
  }
  return null;
}

function pointer(svg, event) {
  const area = svg.getBoundingClientRect();
  const width = svg.viewBox.baseVal.width;
  const { left, right } = box(svg);
  return Math.min(Math.max(((event.clientX - area.left) / area.width) * width, left), right);
}

function cross(figures, at) {
  for (const figure of figures) {
    const svg = figure.querySelector("svg[data-box]");
    const { top, bottom, low, high } = box(svg);
    let line = svg.querySelector(".cross");
    if (!line) svg.append((line = document.createElementNS(SVG, "path")));
    line.setAttribute("class", "cross");
    line.setAttribute("d", at === null ? "" : `M${at} ${top}V${bottom}`);
    const outputs = figure.querySelectorAll(".legend output");
    svg.querySelectorAll("path.line").forEach((path, n) => {
      const y = at === null ? null : valueAt(path, at);
      const value = y === null ? null : low + ((bottom - y) / (bottom - top)) * (high - low);
      const digits = high - low < 5 ? 2 : high - low < 200 ? 1 : 0;
      if (outputs[n]) outputs[n].textContent = value === null ? "" : `${value.toFixed(digits)} ${svg.dataset.unit}`;
    });
  }
}

function momentAt(svg, at) {
  const { left, right, from, to } = box(svg);
  return new Date((from + ((at - left) / (right - left)) * (to - from)) * 1000);
}

function zoomed(svg, first, last) {
  const [from, to] = [Math.min(first, last), Math.max(first, last)].map((at) => `${momentAt(svg, at).toISOString().slice(0, 19)}Z`);
  location.search = new URLSearchParams({ from, to }).toString();
}

function png(svg, name) {
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, n) => {
    const style = getComputedStyle(originals[n]);
    for (const key of STYLED) {
      if (key === "fill" && (element.getAttribute("fill") || "").startsWith("url(")) continue;
      element.setAttribute(key, style.getPropertyValue(key));
    }
  });
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", width * 2);
  copy.setAttribute("height", height * 2);
  const image = new Image();
  image.addEventListener("load", () => {
    const canvas = document.createElement("canvas");
    canvas.width = width * 2;
    canvas.height = height * 2;
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    const link = document.createElement("a");
    link.href = canvas.toDataURL("image/png");
    link.download = `${name}.png`;
    link.click();
  });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

document.addEventListener("DOMContentLoaded", () => {
  const all = [...document.querySelectorAll("figure.chart[data-link]")];
  const holder = document.querySelector(".charts[data-path]");
  for (const hint of document.querySelectorAll("[data-script]")) hint.hidden = false;
  for (const figure of all) {
    const svg = figure.querySelector("svg[data-box]");
    const linked = all.filter((other) => other.dataset.link === figure.dataset.link);
    let begin = null, chosen = null;
    svg.addEventListener("pointermove", (event) => {
      const at = pointer(svg, event);
      cross(linked, at);
      if (chosen) {
        chosen.setAttribute("x", Math.min(begin, at));
        chosen.setAttribute("width", Math.abs(at - begin));
      }
    });
    svg.addEventListener("pointerleave", () => cross(linked, null));
    svg.addEventListener("pointerdown", (event) => {
      if (!holder || event.pointerType === "touch" || event.button !== 0) return;
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      begin = pointer(svg, event);
      const { top, bottom } = box(svg);
      chosen = document.createElementNS(SVG, "rect");
      for (const [key, value] of Object.entries({ class: "chosen", x: begin, y: top, width: 0, height: bottom - top })) chosen.setAttribute(key, value);
      svg.append(chosen);
    });
    svg.addEventListener("pointerup", (event) => {
      if (!chosen) return;
      chosen.remove();
      chosen = null;
      const at = pointer(svg, event);
      if (Math.abs(at - begin) > 8) zoomed(svg, begin, at);
    });
    if (holder && holder.dataset.png) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = holder.dataset.png;
      button.addEventListener("click", () => png(svg, figure.id));
      figure.querySelector("figcaption").append(button);
    }
  }
});
