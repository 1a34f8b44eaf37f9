// Names, levels and roles that Swagger UI leaves out (WCAG 1.3.1, 2.1.1, 4.1.2). Nothing else.
"use strict";
(() => {
  const root = document.getElementById("swagger-ui");
  const set = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };
  const repair = () => {
    // The whole line is a button: a link inside it would be a second one.
    for (const link of root.querySelectorAll("button a[href]")) link.removeAttribute("href");
    for (const box of root.querySelectorAll("pre.microlight, .highlight-code > pre")) set(box, "tabindex", "0");
    // Tags are the second level, what stands in them the third and fourth.
    for (const heading of root.querySelectorAll(".opblock-tag, .models h4")) set(heading, "aria-level", "2");
    for (const heading of root.querySelectorAll(".opblock-body :is(h4, h5)")) {
      set(heading, "aria-level", heading.closest(".opblock-section-header") ? "3" : "4");
    }
    const about = root.querySelector(".information-container");
    if (about) { set(about, "role", "region"); set(about, "aria-label", "About this API"); }
    for (const region of root.querySelectorAll("[id$=_responses]")) {
      region.removeAttribute("aria-labelledby");
      set(region, "aria-label", `Responses: ${region.closest(".opblock")?.querySelector(".opblock-summary")?.textContent.trim()}`);
    }
    for (const field of root.querySelectorAll("input, select, textarea")) {
      if (!field.labels?.length && !field.hasAttribute("aria-label")) {
        const row = field.closest("tr");
        set(field, "aria-label", row?.dataset.paramName || field.placeholder || field.name || "value");
      }
    }
  };
  new MutationObserver(repair).observe(root, { childList: true, subtree: true });
  repair();
})();
