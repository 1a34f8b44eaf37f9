() => {
// By how many pixels boxes may touch: lines of text are a little taller than their glyphs.
const TOUCH = 2;
// A box is what is read in one place: a badge or a button as a whole, a field without its padding,
// a line of any other text. What nobody sees (closed, hidden, for screen readers only) is none.
const WHOLE = '.badge, .btn, .count, .chip, .avatar, .step-mark, kbd';
const HOLDS = '.card, .note, .tile, .choice, .menu-panel, dialog, td, th, main, ' + WHOLE;
const LEFT_OUT = '.sr-only, option, script, style, noscript, .skip, title, desc';
const SCROLLS = new Set(['auto', 'scroll']);
const styles = new Map();
const style = (it) => { if (!styles.has(it)) styles.set(it, getComputedStyle(it)); return styles.get(it); };
const called = (it) => it.getAttribute('class') || it.localName;
const around = new Map();
const rect = (it) => { if (!around.has(it)) around.set(it, it.getBoundingClientRect()); return around.get(it); };
// The ancestors that cut what is inside, and whether anything is seen at all.
const chains = new Map();
function chain(it) {
  if (!it || it === document.documentElement) return {cuts: [], seen: true, fixed: false, bar: null};
  if (chains.has(it)) return chains.get(it);
  const up = chain(it.parentElement), own = style(it);
  const seen = up.seen && own.clipPath === 'none' && own.clip === 'auto' && !it.matches(LEFT_OUT);
  const fixed = up.fixed || own.position === 'fixed';
  // What keeps to the lower edge of the window stands over what is read there, and moves away.
  const bar = up.bar || (own.position === 'sticky' && own.bottom !== 'auto' ? it : null);
  const cutting = own.overflowX !== 'visible' && it !== document.body && own.display !== 'inline'
    && own.display !== 'contents' && !(it instanceof SVGElement);
  const found = {cuts: cutting ? [...up.cuts, it] : up.cuts, seen, fixed, bar};
  chains.set(it, found);
  return found;
}
const block = (it) => {
  while (it && ['inline', 'contents'].includes(style(it).display) && !(it instanceof SVGElement)) it = it.parentElement;
  return it;
};
function collect() {
  const boxes = [], faults = [];
  const said = (text) => text.trim().replace(/\s+/g, ' ').slice(0, 40);
  function add(box, holder, text, {owner, inside}) {
    if (box.width <= 1 || box.height <= 1) return;
    const {cuts, seen, fixed, bar} = chain(holder);
    if (!seen || fixed) return;
    let [left, right, top, bottom] = [box.left, box.right, box.top, box.bottom];
    for (const cut of [...cuts].reverse()) {
      const edge = rect(cut), own = style(cut);
      const lost = left < edge.left - TOUCH || right > edge.right + TOUCH;
      if (lost && !SCROLLS.has(own.overflowX) && own.textOverflow !== 'ellipsis') faults.push(`cut by ${called(cut)}: ${text}`);
      [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
      [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
    }
    if (right - left <= 1 || bottom - top <= 1 || bottom <= 0) return;
    if (right > document.documentElement.clientWidth + 1) faults.push(`beyond the window: ${text}`);
    if (inside) {
      const edge = rect(inside);
      const [a, b] = [Math.min(left - edge.left, edge.right - right), Math.min(top - edge.top, edge.bottom - bottom)];
      if (a < -TOUCH || b < -TOUCH - 2) faults.push(`${a < -TOUCH ? 'beside' : 'below'} its ${called(inside)}: ${text}`);
    }
    boxes.push({left, right, top, bottom, text, owner, bar});
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (!node.textContent.trim() || holder.closest('select, textarea, ' + LEFT_OUT)) continue;
    if (!holder.checkVisibility({visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const whole = holder.closest(WHOLE), inside = holder instanceof SVGElement ? null : holder.closest(HOLDS);
    const lines = range.getClientRects(), letters = node.textContent.trim().length;
    // A column that the others have pushed together: a letter or two a line.
    if (letters > 8 && lines.length > 3 && letters / lines.length < 3 && chain(holder).seen) faults.push(`pushed together: ${said(node.textContent)}`);
    for (const box of lines) {
      add(box, holder, said(node.textContent), {owner: whole || block(holder), inside});
    }
  }
  for (const it of document.querySelectorAll(WHOLE)) {
    if (!it.checkVisibility({visibilityProperty: true}) || it.parentElement.closest(WHOLE)) continue;
    const inside = it.parentElement.closest(HOLDS);
    add(it.getBoundingClientRect(), it, `[${said(it.innerText || it.className)}]`, {owner: it, inside});
  }
  for (const it of document.querySelectorAll('input, select, textarea')) {
    if (it.type === 'hidden' || !it.checkVisibility({visibilityProperty: true})) continue;
    const box = it.getBoundingClientRect(), own = style(it);
    const [left, right] = [box.left + parseFloat(own.paddingLeft), box.right - parseFloat(own.paddingRight)];
    const inner = {left, right, top: box.top, bottom: box.bottom, width: right - left, height: box.height};
    add(inner, it, `<${it.name || it.type}>`, {owner: it, inside: it.closest('.card, .note, td, main')});
  }
  // The name of a cell where a table has become cards: text of the style sheet.
  for (const it of document.querySelectorAll('td[data-label]')) {
    const own = getComputedStyle(it, '::before');
    if (own.position !== 'absolute' || !it.checkVisibility()) continue;
    const cell = it.getBoundingClientRect(), [width, height] = [parseFloat(own.width), parseFloat(own.height)];
    const top = cell.top + parseFloat(own.top), left = cell.left + parseFloat(own.left);
    const box = {left, right: left + width, top, bottom: top + height, width, height};
    add(box, it, `${it.dataset.label}:`, {owner: null, inside: it});
  }
  return {boxes, faults};
}

  // What has the focus may have scrolled the page under its own upper bar.
  scrollTo({top: 0, behavior: 'instant'});
  const {boxes, faults} = collect();
  boxes.sort((one, other) => one.top - other.top);
  boxes.forEach((one, place) => {
    for (let next = place + 1; next < boxes.length && boxes[next].top < one.bottom - TOUCH; next++) {
      const other = boxes[next];
      // Lines of one block are set by the browser, none over another.
      if (one.bar !== other.bar || (one.owner && one.owner === other.owner)) continue;
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - other.top;
      if (wide > TOUCH && high > TOUCH) faults.push(`${one.text} / ${other.text}`);
    }
  });
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) faults.push(`scrolls sideways by ${page.scrollWidth - page.clientWidth}`);
  return [...new Set(faults)];
}
