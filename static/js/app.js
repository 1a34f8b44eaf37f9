// Progressive enhancement only: every flow works with this file missing.
"use strict";
(() => {
  const store = {
    get(key) {
      try { return localStorage.getItem(key); } catch { return null; }
    },
    set(key, value) {
      try { localStorage.setItem(key, value); } catch { /* blocked storage: keep the page usable */ }
    },
  };
  const root = document.documentElement;
  const status = document.getElementById("live-status");
  const say = (text) => { if (status) status.textContent = text; };

  // Theme: auto, light, dark.
  const themeButtons = [...document.querySelectorAll("[data-theme-choice]")];
  const applyTheme = (choice) => {
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
    for (const button of themeButtons) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  };
  applyTheme(root.dataset.theme || "auto");
  for (const button of themeButtons) {
    button.addEventListener("click", () => {
      store.set("theme", button.dataset.themeChoice);
      applyTheme(button.dataset.themeChoice);
    });
  }

  // Of tabs in one line the one that is open is seen.
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({block: "nearest", inline: "nearest"});

  // Open menus close on Escape (focus returns) and on a click elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open], details.fold[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form is sent once: its buttons rest while the request is under way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    form.dataset.sending = "1";
    form.setAttribute("aria-busy", "true");
    // After this turn, so that the pressed button's own name and value are still sent.
    setTimeout(() => {
      for (const button of form.querySelectorAll("button:not([type=button])")) {
        if (!button.disabled) { button.disabled = true; button.dataset.resting = "1"; }
      }
    });
  });
  const wake = (form) => {
    delete form.dataset.sending;
    form.removeAttribute("aria-busy");
    for (const button of form.querySelectorAll("[data-resting]")) {
      button.disabled = false;
      delete button.dataset.resting;
    }
  };
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(wake));
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest("form");
    if (form) wake(form);
  });

  // The tenant switch sends itself when script is there; its button is for when it is not.
  for (const select of document.querySelectorAll("select[data-autosubmit]")) {
    select.form.querySelector("button").hidden = true;
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  // Copy buttons.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(button.dataset.copied);
    } catch {
      say(button.dataset.copy);
    }
  });

  // The error summary takes the focus, so that it is read first.
  document.querySelector("[data-focus-first]")?.focus();

  // Keyboard shortcuts, off when the person says so (WCAG 2.1.4).
  const help = document.getElementById("shortcuts");
  const toggles = [...document.querySelectorAll("[data-shortcuts-toggle]")];
  let enabled = store.get("amends.shortcuts") !== "off";
  for (const toggle of toggles) {
    toggle.checked = enabled;
    toggle.addEventListener("change", () => {
      enabled = toggle.checked;
      store.set("amends.shortcuts", enabled ? "on" : "off");
      for (const other of toggles) other.checked = enabled;
    });
  }
  const openHelp = () => { if (help && !help.open) help.showModal(); };
  for (const opener of document.querySelectorAll("[data-shortcuts-open]")) opener.addEventListener("click", openHelp);

  const move = (step) => {
    const links = [...document.querySelectorAll("[data-row]")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
    links[next].focus();
    links[next].scrollIntoView({ block: "nearest" });
  };
  const typing = (target) => target.closest("input, select, textarea, [contenteditable], dialog[open]") !== null;
  let awaitingSecond = false;
  document.addEventListener("keydown", (event) => {
    if (!enabled || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (awaitingSecond) {
      awaitingSecond = false;
      const inbox = event.key === "i" && document.querySelector("[data-go-inbox]");
      if (inbox) window.location.assign(inbox.href);
      return;
    }
    const box = document.querySelector("input[data-search]");
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "g") awaitingSecond = true;
    else if (event.key === "?") openHelp();
    else if (event.key === "/" && box) { event.preventDefault(); box.focus(); }
  });
})();
