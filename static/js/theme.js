// Runs before the first paint: the chosen theme must not flash, and .js reveals what needs script.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("amends.theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage may be blocked; the page then follows the system.
  }
})();
