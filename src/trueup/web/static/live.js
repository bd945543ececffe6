// Counts of a queue, kept as they are now while the page is seen.

const main = document.querySelector("[data-events]");
let source = null;

function show(counts) {
  for (const box of document.querySelectorAll("[data-count]")) {
    box.textContent = counts[box.dataset.count];
  }
  for (const box of document.querySelectorAll("[data-counted]")) box.hidden = false;
}

function listen() {
  source = new EventSource(main.dataset.events);
  source.addEventListener("counts", (event) => show(JSON.parse(event.data)));
}

// a browser has six connections for all pages of a server: one that is not seen gives its own back
function turn(seen) {
  if (seen && !source) listen();
  if (seen) return;
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => turn(document.visibilityState === "visible"));
addEventListener("pagehide", () => turn(false));
addEventListener("pageshow", () => turn(document.visibilityState === "visible"));
