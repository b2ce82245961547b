/** Keeps a round's page current: adds what is told to it as it is measured, and redraws it when the round moves. */

import { extend } from "./plots.js";
import { redraw, redrawSoon } from "./redraw.js";

const SAMPLES_PAUSE_MS = 5000;
const RETRY_MS = 5000;

// What was told while a fresh page was on its way, which may have been drawn before it.
let missed = [];

function write(selector, text) {
  for (const element of document.querySelectorAll(selector)) {
    if (element.textContent !== text) element.textContent = text;
  }
}

function add({ kind, rows }) {
  const plots = [...document.querySelectorAll(".plot")].filter((plot) => plot.dataset.kind === kind);
  const fits = plots.map((plot) => extend(plot, rows));
  return plots.length > 0 && !fits.includes(false);
}

function measured(told) {
  missed.push(told);
  if (told.again || !add(told)) redrawSoon();
}

let known = "";

function goesOn({ headline, until, doing, activity, sign, alive, share, health }) {
  write("[data-headline]", headline);
  write("[data-until]", until);
  write("[data-doing]", doing);
  write("[data-activity]", activity);
  write("[data-sign]", sign);
  for (const dot of document.querySelectorAll("[data-alive]")) {
    dot.dataset.alive = alive ? "yes" : "no";
    dot.hidden = !sign;
  }
  for (const pie of document.querySelectorAll("[data-pie]")) {
    const around = 2 * Math.PI * pie.r.baseVal.value;
    pie.setAttribute("stroke-dasharray", `${(share * around).toFixed(2)} ${around.toFixed(2)}`);
  }
  const now = JSON.stringify(health);
  if (known && known !== now) redrawSoon();
  known = now;
}

function loaded(machine) {
  const shown = [...document.querySelectorAll("#live-machine [data-line]")];
  const lines = machine?.lines ?? [];
  if (shown.map((each) => each.dataset.line).join() !== lines.map((line) => line.key).join()) return redrawSoon();
  for (const [index, { text, share }] of lines.entries()) {
    const [meter, words] = [shown[index].querySelector("progress"), shown[index].querySelector("span")];
    if (meter && share !== null) meter.value = share;
    if (words.textContent !== text) words.textContent = text;
  }
}

function logged(lines) {
  const log = document.querySelector("[data-log]");
  if (!log && !lines?.length) return;
  if (!log || !lines) return redrawSoon();
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.textContent = lines.map((line) => `${line}\n`).join("");
  document.querySelector("[data-log-empty]").hidden = lines.length > 0;
  if (atEnd) log.scrollTop = log.scrollHeight;
}

let samplesDrawn = 0;
let samplesPending = 0;

function wrote(step) {
  const section = document.querySelector("[data-samples]");
  if (step === null || section?.dataset.samples === String(step)) return;
  clearTimeout(samplesPending);
  samplesPending = setTimeout(
    () => {
      samplesDrawn = Date.now();
      redraw();
    },
    Math.max(0, samplesDrawn + SAMPLES_PAUSE_MS - Date.now()),
  );
}

const HEARD = { points: measured, progress: goesOn, machine: loaded, log: logged, samples: wrote, state: () => redrawSoon() };

let source = null;
let last = "";
let ended = false;

function listen(page) {
  const address = new URL(page.dataset.events, location.href);
  if (last) address.searchParams.set("after", last);
  const here = new EventSource(address);
  source = here;
  for (const [name, act] of Object.entries(HEARD)) {
    here.addEventListener(name, (event) => {
      last = event.lastEventId;
      act(JSON.parse(event.data));
    });
  }
  here.addEventListener("end", () => {
    ended = true;
    here.close();
    redrawSoon();
  });
  here.addEventListener("gone", () => location.reload());
  here.addEventListener("error", () => {
    write("[data-sign]", page.dataset.lost);
    // The browser tries again by itself, but not where it was answered with a refusal or by something between.
    if (here.readyState === EventSource.CLOSED) setTimeout(() => again(page, here), RETRY_MS);
  });
}

async function again(page, closed) {
  if (source !== closed || document.hidden) return;
  await redraw();
  listen(page);
}

/** A tab that nobody sees gives its connection back: a browser has six for all tabs of a site. */
function follow(page) {
  if (!document.hidden) listen(page);
  document.addEventListener("visibilitychange", () => {
    source?.close();
    source = null;
    if (!document.hidden && !ended) listen(page);
  });
}

function toLogEnd() {
  for (const log of document.querySelectorAll("[data-log]")) log.scrollTop = log.scrollHeight;
}

document.addEventListener("redrawing", () => {
  missed = [];
});
document.addEventListener("redrawn", () => {
  if (!missed.every(add)) redrawSoon();
  toLogEnd();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  redraw();
});
toLogEnd();
const page = document.querySelector("[data-events]");
if (page) follow(page);
