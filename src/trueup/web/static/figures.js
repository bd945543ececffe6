// Figures that are still being worked out: look again until they are there,
// but never in the way of somebody who has clicked on and waits for a slow page.
if (document.querySelector("[data-pending]")) {
  const again = setTimeout(() => location.reload(), 1200);
  addEventListener("beforeunload", () => clearTimeout(again));
}
