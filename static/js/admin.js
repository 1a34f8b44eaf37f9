// Names for controls that the stock admin leaves unnamed (WCAG 4.1.2), for the values of a row that
// is a card on a narrow screen, and a mark on cells with words that have to be broken. Nothing else.
"use strict";
(() => {
  const text = (element) => (element ? element.textContent.replace(/[:\s]+$/u, "").trim() : "");
  const named = (control) =>
    control.labels?.length || control.getAttribute("aria-label") || control.getAttribute("aria-labelledby");

  const columnName = (control) => {
    const cell = control.closest("td, th");
    const table = control.closest("table");
    if (!cell || !table) return "";
    return text(table.querySelectorAll("thead th")[cell.cellIndex]);
  };

  const nameFor = (control) => {
    const row = control.closest(".form-row, .field, p, div");
    return (
      columnName(control) ||
      text(control.closest(".form-row")?.querySelector("label, legend")) ||
      text(row?.querySelector("label, legend")) ||
      control.name
    );
  };

  const repair = (root) => {
    for (const control of root.querySelectorAll("input:not([type=hidden], [type=submit]), select, textarea")) {
      if (!named(control)) {
        const name = nameFor(control);
        if (name) control.setAttribute("aria-label", name);
      }
    }
    for (const box of root.querySelectorAll(".select2-selection[role=combobox]:not([aria-label])")) {
      const select = box.closest(".select2")?.previousElementSibling;
      box.setAttribute("aria-label", text(select?.labels?.[0]) || select?.name || "");
      box.removeAttribute("aria-labelledby");
    }
    for (const tip of root.querySelectorAll(".help-tooltip[aria-label]:not([role]), .help.help-tooltip:not([role])")) {
      tip.setAttribute("role", "img");
      if (!tip.hasAttribute("aria-label")) tip.setAttribute("aria-label", tip.title || text(tip));
    }
  };

  const heads = [...document.querySelectorAll("#result_list thead th")].map(text);
  for (const row of document.querySelectorAll("#result_list tbody tr")) {
    [...row.cells].forEach((cell, at) => {
      if (cell.matches("td:not(.action-checkbox)") && heads[at]) cell.dataset.label = heads[at];
      if (text(cell) === "-") cell.dataset.empty = "";
      if (/\S{25}/u.test(text(cell))) cell.dataset.long = "";
    });
  }

  repair(document);
  // Inlines and select2 add controls later.
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) repair(node.parentElement ?? node);
    }
  }).observe(document.body, { childList: true, subtree: true });
})();
