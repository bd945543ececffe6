// Figures that are still being worked out: look again until they are there.
if (document.querySelector("[data-pending]")) setTimeout(() => location.reload(), 1200);
