// The labelling page: one item at a time, by keyboard first. Everything is set as text; the only
// HTML that is put in is what the server has cleaned.

import "./live.js";

const main = document.querySelector("main");
const queue = main.dataset.queue;
const kind = main.dataset.kind; // label, adjudication or spot_check
const questions = JSON.parse(document.getElementById("questions").textContent);
const csrf = document.querySelector('meta[name="csrf"]').content;
const base = `/api/queues/${encodeURIComponent(queue)}`;
const find = (id) => document.getElementById(id);
const asked = Object.fromEntries(questions.map((q) => [q.name, q]));
const STRENGTHS = ["", "slightly", "clearly", "by far"];

let claim = null; // what is in hand
let ahead = null; // a promise of the item after it
let value = {}; // what has been given so far
let started = 0;
let ends = 0;
let rendered = false;
let busy = false;

async function call(path, body) {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body ?? {}),
  });
  if (response.status === 401) location.assign("/signin");
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) {
    const said = answer.error ?? answer.detail?.map((d) => d.msg).join("; ") ?? response.statusText;
    throw Object.assign(new Error(said), { kind: answer.kind });
  }
  return answer;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const key = (name) => element("kbd", { textContent: name });

function say(text, bad = false) {
  find("said").textContent = text;
  find("said").classList.toggle("bad", bad);
}

// --- drafts: kept in the browser until the label is given ---------------------------------------

const draftName = (item) => `draft:${queue}:${kind}:${item}`;

function saveDraft() {
  localStorage.setItem(draftName(claim.item.id), JSON.stringify(value));
}

function readDraft(item) {
  try {
    return JSON.parse(localStorage.getItem(draftName(item)));
  } catch {
    return null;
  }
}

// --- showing an item ----------------------------------------------------------------------------

function fromLabel(label) {
  return {
    preferred: label.preferred, strength: label.strength, labels: label.labels,
    correction: label.correction ?? "", answers: label.answers,
  };
}

const empty = () => ({ preferred: null, strength: 0, labels: [], correction: "", answers: {} });

function show(found) {
  claim = found;
  rendered = false;
  started = performance.now();
  ends = performance.now() + found.seconds_left * 1000;
  value = readDraft(found.item.id) ?? (found.standing ? fromLabel(found.standing) : empty());
  find("done").hidden = true;
  find("work").hidden = false;
  find("correcting").hidden = !found.standing;
  find("kind").textContent = found.item.question_type || found.item.cohort;
  find("trace").href = `/trace/${encodeURIComponent(found.item.trace)}`;
  find("guidelines").innerHTML = found.guidelines; // cleaned by the server
  find("guide").hidden = !found.guidelines;
  showConversation(found.item.messages);
  find("passages").replaceChildren(
    ...found.item.context.map((text) => element("blockquote", { textContent: text })),
  );
  find("passage-box").hidden = !found.item.context.length;
  find("passage-count").textContent = found.item.context.length;
  showFound(found.item);
  showAnswers();
  showSaid();
  showForm();
  main.scrollIntoView();
  prefetch();
}

// what is known beside the answers; of which of them a score tells, nobody is told
function showFound({ steps, scores }) {
  find("steps").replaceChildren(...steps.map((call) => element("li", {},
    element("code", { textContent: `${call.name} ${JSON.stringify(call.arguments)}` }))));
  find("scores").replaceChildren(...scores.map((score) => {
    const found = [score.value?.toFixed(2), score.label, score.measure].filter((part) => part != null);
    const known = score.agreement.map((text) =>
      element("div", { className: "quiet", textContent: `agreement with people: ${text}` }));
    return element("tr", {},
      element("td", {}, score.evaluator.replaceAll("_", " "), ...known),
      element("td", { className: "whole", textContent: found.join(" ") }),
      element("td", { textContent: score.reason }));
  }));
  find("found-box").hidden = !steps.length && !scores.length;
}

function showConversation(messages) {
  find("conversation").replaceChildren(
    ...messages.map((message) => {
      const calls = (message.tool_calls ?? []).map(({ function: f }) => `${f.name} ${
        typeof f.arguments === "string" ? f.arguments : JSON.stringify(f.arguments)}`);
      const parts = typeof message.content === "string" ? [message.content, ...calls] : calls;
      const text = parts.length ? parts.join("\n") : JSON.stringify(message);
      const box = element("div", { className: `turn ${message.role}` },
        element("b", { textContent: message.role }), element("p", { textContent: text }));
      if (message.role !== "system") return box;
      return element("details", { className: "turn system" },
        element("summary", { textContent: "system prompt" }), element("p", { textContent: text }));
    }),
  );
}

function showAnswers() {
  if (!claim) return;
  const boxes = claim.item.answers.map((answer, place) => {
    const body = element("div", { className: "text" });
    if (rendered) {
      body.innerHTML = answer.html; // cleaned by the server
    } else {
      body.append(...answer.pieces.map(([text, differs]) =>
        differs ? element("mark", { textContent: text }) : text));
    }
    const head = element("h2", {}, `Answer ${place + 1} `,
      "preference" in asked ? key(String(place + 1)) : null,
      element("span", { className: "chosen" }));
    const box = element("article", { className: "answer", tabIndex: -1 }, head, body);
    box.dataset.key = answer.key;
    if ("preference" in asked) box.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !getSelection().toString()) prefer(answer.key);
    });
    return box;
  });
  find("answers").replaceChildren(...boxes);
  mark();
}

// --- what reviewers say, to whoever settles it; in no order that tells who is who -----------------

function showSaid() {
  const said = (claim.said ?? []).map(words).sort();
  find("said-box").hidden = !said.length;
  find("said-list").replaceChildren(...said.map((text) => element("li", { textContent: text })));
}

function words(label) {
  const place = claim.item.answers.findIndex((a) => a.key === label.preferred) + 1;
  const preferred = place ? `answer ${place}, ${STRENGTHS[label.strength] || "alone"} better` : label.preferred;
  const name = (answer) => {
    const at = claim.item.answers.findIndex((a) => a.key === answer) + 1;
    return at ? `answer ${at}` : String(answer);
  };
  const plain = (q, what) => (q?.kind === "ranking" ? what.map((w) => [w].flat().map(name).join(" = ")).join(" > ")
    : typeof what === "object" ? JSON.stringify(what) : String(what));
  const others = Object.entries(label.answers ?? {}).map(([n, what]) => `${n}: ${plain(asked[n], what)}`);
  return [preferred, label.labels.map((l) => l.replaceAll("_", " ")).join(", "),
    label.correction && `would write: ${label.correction}`, ...others].filter(Boolean).join("; ");
}

// --- the form: one part a question --------------------------------------------------------------

const OWN = { labels: "labels", correction: "correction" };
const given = (q) => (OWN[q.name] ? value[OWN[q.name]] : value.answers[q.name]);

function give(q, what) {
  if (!claim) return;
  if (OWN[q.name]) value[OWN[q.name]] = what;
  else if (what === null || what === "") delete value.answers[q.name];
  else value.answers[q.name] = what;
  saveDraft();
  mark();
}

const letters = "asdfghjklqwer".split("");
let hotkeys = {};

function button(q, name, what, text) {
  const letter = letters.find((l) => !(l in hotkeys) && !RESERVED.has(l));
  const made = element("button", { type: "button" }, text, " ", letter ? key(letter) : null);
  made.dataset.question = q.name;
  made.dataset.value = JSON.stringify(name);
  made.addEventListener("click", () => what(name));
  if (letter) hotkeys[letter] = () => what(name);
  return made;
}

const one = (q) => (name) => give(q, JSON.stringify(given(q)) === JSON.stringify(name) ? null : name);

const many = (q) => (name) => {
  const now = given(q) ?? [];
  give(q, now.includes(name) ? now.filter((n) => n !== name) : [...now, name]);
};

const ordered = (q) => (name) => {
  const now = given(q) ?? [];
  give(q, now.includes(name) ? now.filter((n) => n !== name) : [...now, name]);
};

function area(q, rows) {
  const made = element("textarea", { rows, value: given(q) ?? "" });
  made.dataset.field = q.name;
  made.setAttribute("aria-label", q.title || q.name);
  made.addEventListener("input", () => give(q, made.value));
  return made;
}

function numbers(q) {
  const [low, high] = [q.low ?? 1, q.high ?? 5];
  return Array.from({ length: high - low + 1 }, (_, i) => button(q, low + i, one(q), String(low + i)));
}

function spans(q) {
  const add = (label) => () => {
    const chosen = getSelection();
    const box = chosen.anchorNode?.parentElement?.closest(".answer .text");
    if (!box || chosen.isCollapsed || rendered) return say("select a part of an answer first", true);
    const range = chosen.getRangeAt(0);
    const before = range.cloneRange();
    before.selectNodeContents(box);
    before.setEnd(range.startContainer, range.startOffset);
    const start = [...before.toString()].length;
    const span = { answer: box.parentElement.dataset.key, start,
      end: start + [...range.toString()].length, label };
    give(q, [...(given(q) ?? []), span]);
  };
  const list = element("ol", { className: "spans" });
  list.dataset.spans = q.name;
  const options = q.options.length ? q.options : [""];
  return [...options.map((o) => button(q, o, () => add(o)(), o || "mark the selection")), list];
}

function steps(q) {
  const turns = claim.item.messages.filter((m) => m.role === "assistant").length + 1;
  const names = q.options.length ? q.options : ["good", "neutral", "bad"];
  const set = (step, change) => {
    const now = (given(q) ?? []).filter((s) => s.step !== step);
    const old = (given(q) ?? []).find((s) => s.step === step) ?? { step, better: "" };
    give(q, [...now, { ...old, ...change }]);
  };
  return Array.from({ length: turns }, (_, step) => {
    const choose = element("select", {}, new Option("-", ""), ...names.map((n) => new Option(n)));
    choose.value = (given(q) ?? []).find((s) => s.step === step)?.label ?? "";
    choose.setAttribute("aria-label", `step ${step + 1}`);
    choose.addEventListener("change", () => set(step, { label: choose.value }));
    const better = element("textarea", { rows: 1, placeholder: "a better step" });
    better.setAttribute("aria-label", `a better step ${step + 1}`);
    better.addEventListener("input", () => set(step, { better: better.value }));
    return element("div", { className: "step" }, `step ${step + 1} `, choose, better);
  });
}

const PARTS = {
  choice: (q) => q.options.map((o) => button(q, o, one(q), o)),
  choices: (q) => q.options.map((o) => button(q, o, many(q), o.replaceAll("_", " "))),
  rating: numbers,
  thumbs: (q) => [button(q, true, one(q), "yes"), button(q, false, one(q), "no")],
  ranking: (q) => claim.item.answers.map((a, i) => button(q, a.key, ordered(q), `answer ${i + 1}`)),
  number: (q) => {
    const made = element("input", { type: "number", step: "any", value: given(q) ?? "" });
    made.setAttribute("aria-label", q.title || q.name);
    made.addEventListener("input", () => give(q, made.value === "" ? null : Number(made.value)));
    return [made];
  },
  text: (q) => [area(q, 2)],
  edit: (q) => [area(q, 3)],
  span: spans,
  steps,
};

function showForm() {
  hotkeys = {};
  find("form").replaceChildren(
    ...questions.map((q) => {
      const name = element("legend", {}, q.title || q.name,
        q.required && q.kind !== "preference" ? element("small", { textContent: " required" }) : null,
        q.name === "correction" ? key("c") : null);
      const parts = q.kind === "preference" ? preferences() : PARTS[q.kind](q);
      return element("fieldset", { className: q.kind }, name, ...parts);
    }),
  );
  mark();
}

function preferences() {
  const row = element("div", { className: "row" });
  claim.item.answers.forEach((answer, place) => {
    row.append(choice(answer.key, `answer ${place + 1}`, String(place + 1)));
  });
  if (claim.item.answers.length > 1) row.append(choice("tie", "tie", "t"));
  row.append(choice("neither", "neither", "n"));
  const note = element("small", { className: "quiet",
    textContent: " press again for more: slightly, clearly, by far" });
  return [row, note];
}

function choice(name, text, letter) {
  const made = element("button", { type: "button" }, text, " ", key(letter),
    element("span", { className: "chosen" }));
  made.dataset.preferred = name;
  made.addEventListener("click", () => prefer(name));
  return made;
}

function prefer(name) {
  if (!claim || !("preference" in asked)) return;
  const answer = claim.item.answers.some((a) => a.key === name);
  const again = value.preferred === name;
  value.strength = answer ? (again ? (value.strength % 3) + 1 : 1) : 0;
  value.preferred = name;
  saveDraft();
  mark();
}

function mark() {
  if (!claim) return;
  for (const box of document.querySelectorAll("[data-preferred], .answer[data-key]")) {
    const name = box.dataset.preferred ?? box.dataset.key;
    const on = value.preferred === name;
    box.classList.toggle("on", on);
    if (box.dataset.preferred) box.setAttribute("aria-pressed", on);
    const note = box.querySelector(".chosen");
    if (note) note.textContent = on && value.strength ? ` ${STRENGTHS[value.strength]} better` : "";
  }
  for (const made of document.querySelectorAll("button[data-question]")) {
    const q = asked[made.dataset.question];
    const [now, mine] = [given(q), JSON.parse(made.dataset.value)];
    const on = Array.isArray(now) ? now.includes(mine) : now === mine;
    made.classList.toggle("on", on);
    made.setAttribute("aria-pressed", on);
    if (q.kind === "ranking") made.dataset.place = on ? now.indexOf(mine) + 1 : "";
  }
  for (const list of document.querySelectorAll("[data-spans]")) {
    const q = asked[list.dataset.spans];
    list.replaceChildren(...(given(q) ?? []).map((span) => {
      const drop = element("button", { type: "button", textContent: "remove" });
      drop.addEventListener("click", () => give(q, given(q).filter((s) => s !== span)));
      return element("li", {}, `${span.label} ${span.answer} ${span.start} to ${span.end} `, drop);
    }));
  }
}

// --- actions ------------------------------------------------------------------------------------

function prefetch() {
  ahead = claim.standing ? null : call("/claim", { kind, beside: claim.item.id }).catch((error) => ({ error }));
}

async function next() {
  const waiting = ahead;
  ahead = null;
  try {
    const found = waiting ? await waiting : await call("/claim", { kind });
    if (!found.error) return show(found);
    return show(await call("/claim", { kind })); // an item may have come since
  } catch (error) {
    finish(error.message);
  }
}

function finish(text) {
  claim = null;
  find("work").hidden = true;
  find("done").hidden = false;
  find("why").textContent = text;
  find("again").focus();
}

async function act(what) {
  if (busy) return;
  busy = true;
  try {
    await what();
  } catch (error) {
    say(error.message, true);
    if (error.kind === "LeaseExpired") await next();
  } finally {
    busy = false;
  }
}

const submit = () => act(async () => {
  if (!claim) return next();
  const id = claim.item.id, replaces = claim.standing?.id ?? null;
  const correction = value.correction.trim();
  const body = { ...value, kind, correction: correction || null, shown: claim.shown,
    seconds: Math.round(performance.now() - started) / 1000,
    replaces };
  await call(`/items/${encodeURIComponent(id)}/label`, body);
  localStorage.removeItem(draftName(id));
  claim = null; // what is typed before the next one shows is not about this one
  say("labelled; u undoes it");
  await next();
  if (!replaces) count();
});

const skip = () => {
  if (!claim) return;
  find("reason").value = "";
  find("skip-box").showModal();
  find("reason").focus();
};

const skipped = () => act(async () => {
  const reason = find("reason").value.trim();
  if (!reason) return;
  find("skip-box").close();
  await call(`/items/${encodeURIComponent(claim.item.id)}/skip`, { reason });
  claim = null;
  say("skipped; others see it next");
  await next();
});

const undo = () => act(async () => {
  show(await call("/undo", { kind }));
  say("your last label; give another one, or Enter keeps it");
});

function count() {
  const box = find("count");
  box.textContent = Number(box.textContent) + 1;
}

const RESERVED = new Set(["t", "n", "c", "e", "p", "g", "m", "u", "x", "z"]);
const KEYS = {
  Enter: submit, t: () => prefer("tie"), n: () => prefer("neither"), z: skip, u: undo,
  p: () => find("passage-box").toggleAttribute("open"),
  g: () => find("guide").toggleAttribute("open"),
  e: () => find("found-box").toggleAttribute("open"),
  m: () => { rendered = !rendered; showAnswers(); },
  x: () => find("trace").click(),
  c: () => document.querySelector('[data-field="correction"]')?.focus(),
  "?": () => find("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("textarea, input, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.matches("button, a, summary")) return;
  const digit = Number(event.key);
  const answer = claim?.item.answers[digit - 1];
  const action = answer && "preference" in asked ? () => prefer(answer.key)
    : KEYS[event.key] ?? hotkeys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const [id, action] of Object.entries({ submit, skip, undo, again: next })) {
  find(id).addEventListener("click", () => (id === "again" ? act(action) : action()));
}
find("skip-form").addEventListener("submit", (event) => { event.preventDefault(); skipped(); });
find("open-help").addEventListener("click", KEYS["?"]);
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}

setInterval(() => {
  if (!claim || claim.standing) return find("timer").replaceChildren();
  const left = Math.max(0, Math.round((ends - performance.now()) / 1000));
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  find("timer").textContent = left ? `${clock} reserved` : "reservation ended; a label still counts while the place is free";
  find("timer").classList.toggle("bad", left < 60);
}, 500);

act(next);
