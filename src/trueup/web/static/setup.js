// The set-up page: what is asked is checked while it is written, and examples are put in by button.

const box = document.getElementById("questions");
const said = document.getElementById("checked");
const csrf = document.querySelector('meta[name="csrf"]').content;
let waiting = 0;
let latest = 0;

async function check() {
  const turn = ++latest;
  const response = await fetch("/api/questions", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify({ text: box.value }),
  });
  const answer = await response.json();
  if (turn !== latest) return; // something was written since
  said.classList.toggle("bad", !response.ok);
  said.textContent = response.ok
    ? `asks ${answer.map((q) => `${q.name} (${q.kind})`).join(", ")}`
    : answer.error ?? "that is too much to check";
}

const soon = () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => check().catch(() => { said.textContent = ""; }), 400);
};

box.addEventListener("input", soon);
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    box.value = `${box.value.trimEnd()}\n\n${button.dataset.example}`.trimStart();
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
    box.scrollTop = box.scrollHeight;
    soon();
  });
}
document.getElementById("insert").hidden = false;
soon();
