// Runs before the first paint: the chosen theme must not flash, and .js reveals what needs script.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    // The same key as the Django admin, so that one choice holds everywhere.
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage may be blocked; the page then follows the system.
  }
})();
