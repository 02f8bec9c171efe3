// What moves on the page: sending files, the list of uploads, completions, keeping a search.
// Without it the page still shows uploads and searches. Texts from outside go in as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// --- sending files -------------------------------------------------------------------------------------------------

const MOST_AT_ONCE = 2;
const waiting = [];
let sending = 0;

function preview(records) {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const name of names) head.append(element("th", name));
  const body = table.createTBody();
  for (const record of records) {
    const row = body.insertRow();
    for (const name of names) {
      const value = record[name];
      row.insertCell().textContent =
        value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }
  const scroll = element("div", undefined, "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "The first records");
  scroll.append(table);
  return scroll;
}

function answered(item, request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!answer.success) {
    item.append(element("p", answer.error || `The service answered ${request.status}`, "fault"));
    return;
  }
  const data = answer.data;
  const again = data.duplicate_of ? "; the same file was sent before, nothing is indexed twice" : "";
  const records = data.total_lines === 1 ? "1 record" : `${data.total_lines.toLocaleString("en")} records`;
  item.append(element("p", `${records} received${again}`, "hint"));
  item.append(preview(data.preview));
}

function send(file) {
  const item = element("li");
  const bar = element("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Sending ${file.name}`);
  item.append(element("span", file.name, "name"), bar);
  byId("sent").prepend(item);
  waiting.push({ file, item, bar });
  next();
}

function next() {
  if (sending >= MOST_AT_ONCE || !waiting.length) return;
  const { file, item, bar } = waiting.shift();
  sending += 1;
  const form = new FormData();
  form.append("file", file);
  const request = new XMLHttpRequest();
  request.open("POST", "/api/logs/upload");
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  };
  request.onload = () => answered(item, request);
  request.onerror = () => item.append(element("p", "The service could not be reached; send it again", "fault"));
  request.onloadend = () => {
    bar.remove();
    sending -= 1;
    next();
    look();
  };
  request.send(form);
}

const drop = byId("drop");
const chosen = byId("file");
chosen.addEventListener("change", () => {
  for (const file of chosen.files) send(file);
  chosen.value = "";
});
// A file that misses the field must not replace the page.
for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  for (const file of event.dataTransfer.files) send(file);
});

// --- the list of uploads -------------------------------------------------------------------------------------------

const SOON_MS = 1000;
const LATER_MS = 5000;
let timer = 0;
let looking = false;

const completed = (jobs) => jobs.querySelectorAll(".completed").length;

async function look() {
  clearTimeout(timer);
  if (looking) return;
  looking = true;
  const jobs = byId("jobs");
  try {
    const answer = await fetch("/page/jobs");
    if (answer.ok) {
      const text = await answer.text();
      if (text.trim() !== jobs.dataset.shown) {
        const before = completed(jobs);
        // The server has escaped it.
        jobs.innerHTML = text;
        if (jobs.dataset.shown !== undefined && completed(jobs) > before) byId("fresh").hidden = false;
        jobs.dataset.shown = text.trim();
      }
    }
    byId("lost").hidden = answer.ok;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    byId("lost").hidden = false;
  } finally {
    looking = false;
    const open = Number(jobs.querySelector("[data-open]")?.dataset.open ?? 0);
    // Who does not look needs no news.
    if (!document.hidden) timer = setTimeout(look, open ? SOON_MS : LATER_MS);
  }
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
look();

// --- completions ---------------------------------------------------------------------------------------------------

const words = document.querySelector("#search input[name=q]");
let typing = 0;

async function complete() {
  const begin = words.value.slice(0, words.value.lastIndexOf(" ") + 1);
  const last = words.value.slice(begin.length);
  if (last.length < 2) return;
  const answer = await fetch(`/api/search/autocomplete?${new URLSearchParams({ q: last.slice(0, 200), limit: "8" })}`);
  if (!answer.ok) return;
  const found = (await answer.json()).data;
  byId("completions").replaceChildren(
    ...found.map((one) => {
      const option = element("option");
      option.value = begin + one.text;
      option.label = `${one.text} (${one.field}, ${one.count.toLocaleString("en")})`;
      return option;
    }),
  );
}

words.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(complete, 250);
});

// An address without empty parameters can be read and passed on.
byId("search").addEventListener("submit", (event) => {
  for (const field of event.target.elements) {
    if (field.name && (!field.value || (field.name === "sort_order" && field.value === "desc"))) field.disabled = true;
  }
});
window.addEventListener("pageshow", () => {
  for (const field of byId("search").elements) field.disabled = false;
});

// --- keeping a search ----------------------------------------------------------------------------------------------

const save = byId("save");
if (save) {
  save.hidden = false;
  save.addEventListener("submit", async (event) => {
    event.preventDefault();
    const parameters = Object.fromEntries(
      [...new URLSearchParams(location.search)].filter(([name, value]) => value && name !== "page"),
    );
    const answer = await fetch("/api/search/saved", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: save.elements.name.value, parameters }),
    });
    const told = await answer.json();
    save.querySelector("[role=status]").textContent = told.success ? "Kept." : told.error;
  });
}
