/* Keeps a page about running jobs fresh: reads the same page again and carries over what has changed. */
"use strict";

const regions = () => document.querySelectorAll("[data-live]");
const busy = () => document.querySelector("[data-live][data-busy]");

/* Make `old` like `next`, touching only what differs, so that focus, open details and scrolling stay as they are. */
const carry = (old, next) => {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return old.replaceWith(next.cloneNode(true));
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return undefined;
  }
  for (const { name } of [...old.attributes]) if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [mine, theirs] = [[...old.childNodes], [...next.childNodes]];
  theirs.forEach((child, n) => (n < mine.length ? carry(mine[n], child) : old.append(child.cloneNode(true))));
  mine.slice(theirs.length).forEach((child) => child.remove());
  return undefined;
};

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;

const refresh = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const wasOne = document.querySelector("[data-live=head]");
  const logs = [...document.querySelectorAll("[data-tail] pre")];
  const following = !logs.length || logs.every(atEnd);
  for (const region of regions()) {
    const next = page.querySelector(`[data-live="${region.dataset.live}"]`);
    if (next) carry(region, next);
  }
  document.title = page.title;
  if (following) document.querySelectorAll("[data-tail] pre").forEach((log) => { log.scrollTop = log.scrollHeight; });
  if (wasOne && !busy()) location.reload(); /* it has ended: now there are results, or a reason */
  return undefined;
};

/* Look again after a while, or earlier if that was agreed on already. */
let timer, due = Infinity, running = false, pause = 1000;
const later = (delay) => {
  const at = performance.now() + delay;
  if (at >= due) return;
  clearTimeout(timer);
  [timer, due] = [setTimeout(turn, delay), at];
};

/* While the server tells what happens, one looks seldom without being told. A page that nobody sees holds no stream. */
const SELDOM = 30000;
let source;
const told = () => source && source.readyState === EventSource.OPEN;
const hush = () => { if (source) source.close(); };
const listen = () => {
  const events = busy() && busy().dataset.events;
  if (!events || document.hidden) return;
  hush();
  source = new EventSource(events);
  for (const kind of ["status", "step", "progress", "log"]) source.addEventListener(kind, () => later(250));
  source.onerror = () => later(pause);
};

const turn = async () => {
  due = Infinity;
  if (running || document.hidden) return later(pause);
  running = true;
  try { await refresh(); } catch { pause = 5000; } finally { running = false; }
  pause = Math.min(pause * 1.2, 5000);
  return busy() ? later(told() ? SELDOM : pause) : hush();
};

if (busy()) {
  listen();
  later(source ? SELDOM : pause);
  addEventListener("pagehide", hush);
  document.addEventListener("visibilitychange", () => { if (document.hidden) { hush(); } else { later(0); listen(); } });
}
