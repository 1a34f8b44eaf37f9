// Keeps a page true while its tab is visible (web/live.py): asks for the same address again, and
// lays what is new over what is there; of most pages only what stands around them. Nothing moves under the cursor, nothing typed is lost.
"use strict";
(() => {
  const poll = document.getElementById("live");
  const bar = document.getElementById("live-bar");
  const main = document.getElementById("main");
  if (!poll || !bar || !main || !window.htmx) return;
  const status = document.getElementById("live-status");
  const button = bar.querySelector("[data-live-show]");
  const note = bar.querySelector("[data-live-note]");
  const say = (text) => { if (status && status.textContent !== text) status.textContent = text; };
  const FAST_MS = 1000;
  const FAST_FOR_MS = 15000;
  const SLOWEST_MS = 60000;
  const ACTED = "amends.acted";

  // How soon to ask again: at once after something was done here, later and later without answers.
  let failures = 0;
  let timer = 0;
  const acted = () => {
    try { return Date.now() - Number(sessionStorage.getItem(ACTED) || 0) < FAST_FOR_MS; } catch { return false; }
  };
  const pause = () => {
    const usual = Number(poll.dataset.seconds) * 1000;
    return failures ? Math.min(usual * 2 ** failures, SLOWEST_MS) : acted() ? FAST_MS : usual;
  };
  const look = () => window.htmx.trigger(poll, "amends:look");
  const again = () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(look, pause());
  };
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    try { sessionStorage.setItem(ACTED, String(Date.now())); } catch { /* then it is only slower */ }
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") look();
  });

  // What must stay as a person left it.
  const touched = (field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
    : field.options ? [...field.options].some((each) => each.selected !== each.defaultSelected) && field.selectedIndex > 0
    : field.type !== "hidden" && field.defaultValue !== undefined && field.value !== field.defaultValue;
  // The form that this page is the answer to: what was typed is what it came with.
  const placeOf = (action) => new URL(action || "", location.href).pathname;
  const answered = (form) => poll.dataset.answer !== undefined && placeOf(form.getAttribute("action")) === location.pathname;
  const inUse = (form) =>
    answered(form) || form.dataset.sending !== undefined || form.contains(document.activeElement) || [...form.elements].some(touched);
  const KEPT = ".messages, dialog, [data-live-keep]";
  // Set by script or by the person, and not by the page.
  const OWN = new Set(["open", "aria-busy", "data-sending", "data-resting"]);

  // A section is known by its heading: it never becomes another one, which would take in its form.
  const keyOf = (node) =>
    node.nodeType === Node.ELEMENT_NODE ? node.dataset.id || node.id || node.getAttribute("aria-labelledby") || "" : "";
  const kindOf = (node) => `${node.nodeName} ${node.classList?.[0] || ""} ${keyOf(node)}`;
  const alike = (old, fresh) => kindOf(old) === kindOf(fresh);

  const stays = (node) => node.matches?.(KEPT) || (node.nodeName === "FORM" && inUse(node));
  // What holds such a form goes no sooner: somebody writes in it.
  const holds = (node) => [...(node.querySelectorAll?.("form") || [])].some(inUse);
  const drop = (node) => { if (!stays(node) && !holds(node)) node.remove(); };

  const lay = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (stays(old)) return;
    for (const { name, value } of [...fresh.attributes]) {
      if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    layChildren(old, fresh);
  };

  const layChildren = (old, fresh) => {
    const keyed = new Map([...old.children].map((each) => [keyOf(each), each]).filter(([key]) => key));
    const coming = new Set([...fresh.children].map(keyOf));
    // What is over, but somebody writes in it, keeps its place: what follows is laid behind it.
    const lasts = (node) => keyOf(node) && !coming.has(keyOf(node)) && holds(node);
    let place = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      while (place && lasts(place)) place = place.nextSibling;
      const key = keyOf(next);
      let found = key ? keyed.get(key) : place;
      while (!key && found && !alike(found, next)) found = found.nextSibling;
      if (found && alike(found, next)) {
        while (!key && place !== found) {
          const after = place.nextSibling;
          drop(place);
          place = after;
        }
        if (found === place) place = place.nextSibling;
        else old.insertBefore(found, place);
        lay(found, next);
      } else {
        old.insertBefore(document.importNode(next, true), place);
      }
    }
    while (place) {
      const after = place.nextSibling;
      drop(place);
      place = after;
    }
  };

  // A form in use whose thing has moved on stays with what was typed, and says that it is over.
  const tellForms = (fresh) => {
    const offered = new Set([...fresh.querySelectorAll("form")].map((form) => placeOf(form.getAttribute("action"))));
    const standing = fresh.querySelector(".page-head .badge")?.textContent.trim();
    const text = standing ? poll.dataset.over.replace("%s", standing) : poll.dataset.overPlain;
    for (const form of main.querySelectorAll('form[method="post"]')) {
      const told = form.querySelector("[data-over]");
      const over = inUse(form) && !offered.has(placeOf(form.getAttribute("action")));
      if (form.dataset.sending !== undefined || (!over && !told)) continue;
      for (const button of form.querySelectorAll("button:not([type=button])")) button.disabled = over;
      if (over && !told) {
        const note = document.createElement("div");
        note.className = "note note-bad";
        note.dataset.over = "";
        form.prepend(note);
      } else if (!over) told?.remove();
      const note = form.querySelector("[data-over]");
      if (note && note.textContent !== text) {
        note.textContent = text;
        say(text);
      }
    }
  };

  // The element under the cursor stays where it is: the page scrolls instead.
  let pointer = null;
  document.addEventListener("pointermove", (event) => { pointer = [event.clientX, event.clientY]; }, { passive: true });
  const holding = (change) => {
    const held = pointer && document.elementFromPoint(...pointer);
    const before = held && main.contains(held) ? held.getBoundingClientRect().top : null;
    change();
    if (before === null || !held.isConnected) return;
    const moved = held.getBoundingClientRect().top - before;
    if (moved) window.scrollBy(0, moved);
  };

  const rowsOf = (root) => new Map([...root.querySelectorAll("[data-id]")].map((row) => [row.dataset.id, row]));
  let latest = null;

  const showAll = () => {
    if (latest) lay(main, latest);
    button.hidden = true;
    bar.hidden = note.hidden;
  };
  button.addEventListener("click", () => {
    const known = rowsOf(main);
    showAll();
    const first = [...rowsOf(main)].find(([id]) => !known.has(id));
    (first?.[1].querySelector("a, button") || main).focus();
  });

  const layParts = (fresh, parts) => {
    for (const part of parts) {
      const [there, here] = [fresh.querySelector(part), main.querySelector(part)];
      if (there && here) lay(here, there);
    }
  };
  const AROUND = ["#workers"];
  const ABOVE_LIST = [...AROUND, ".page-head", ".tabs"];

  const takeList = (fresh) => {
    const [old, now] = [rowsOf(main), rowsOf(fresh)];
    const added = [...now.keys()].filter((id) => !old.has(id)).length;
    const gone = [...old].filter(([id]) => !now.has(id));
    if (!added && !gone.length && [...old.keys()].join() === [...now.keys()].join()) {
      showAll();
      return;
    }
    layParts(fresh, ABOVE_LIST);
    for (const [id, row] of old) {
      if (now.has(id) && !row.closest("form")?.matches(":has(:checked)")) lay(row, now.get(id));
      else if (!now.has(id)) row.classList.add("is-gone");
    }
    const text = added === 1 ? poll.dataset.newOne : added ? poll.dataset.newMany.replace("%n", added) : poll.dataset.changed;
    button.querySelector("span").textContent = text;
    button.hidden = bar.hidden = false;
    say(text);
  };

  const takeThing = () => {
    const words = () => main.innerText.replace(/\s+/gu, " ");
    const before = words();
    holding(showAll);
    if (words() !== before) say(main.querySelector(".page-head")?.innerText.replace(/\s+/gu, " ") || poll.dataset.updated);
    tellForms(latest);
  };

  const take = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const [carried, fresh] = [page.getElementById("live"), page.getElementById("main")];
    if (!carried || !fresh) return;
    poll.dataset.tag = carried.dataset.tag;
    poll.dataset.viewer = carried.dataset.viewer;
    const navs = [...page.querySelectorAll(".nav-list")];
    [...document.querySelectorAll(".nav-list")].forEach((list, at) => { if (navs[at]) lay(list, navs[at]); });
    const isList = poll.dataset.listing !== undefined;
    if (poll.dataset.frame !== undefined) {
      holding(() => layParts(fresh, isList ? ABOVE_LIST : AROUND));
      return;
    }
    latest = fresh;
    document.title = page.title;
    if (isList) takeList(fresh);
    else takeThing();
  };

  const warn = (text, leads) => {
    const [link, plain] = [note.querySelector("a"), note.querySelector("span")];
    if (leads) link.href = leads;
    link.textContent = leads ? text : "";
    link.hidden = !leads;
    plain.textContent = leads ? "" : text;
    note.hidden = !text;
    bar.hidden = note.hidden && button.hidden;
    if (text) say(text);
  };

  poll.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["Amends-Live"] = poll.dataset.viewer;
    event.detail.headers["If-None-Match"] = `"${poll.dataset.tag}"`;
  });
  // Said on the page; not a fault of it.
  poll.addEventListener("htmx:beforeSwap", (event) => { event.detail.isError = false; });
  poll.addEventListener("htmx:afterRequest", (event) => {
    const answer = event.detail.xhr;
    if (answer.status === 401) {
      warn(poll.dataset.signedOut, poll.dataset.login);
      return;
    }
    if (answer.status === 409) {
      warn(poll.dataset.switched, location.href);
      return;
    }
    failures = answer.status === 200 || answer.status === 304 ? 0 : failures + 1;
    warn(failures > 1 ? poll.dataset.noAnswer : "", "");
    if (answer.status === 200) take(answer.responseText);
    again();
  });
  again();
})();
