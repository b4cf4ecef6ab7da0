// Put the page together.

const stored = (() => { try { return localStorage.getItem("matalign-theme"); } catch { return null; } })();
const preferred = matchMedia("(prefers-color-scheme: dark)");
document.documentElement.dataset.theme = stored || (preferred.matches ? "dark" : "light");
const themeButton = el("button", { type: "button", class: "icon", id: "theme", onclick: () => setTheme(dark() ? "light" : "dark") });
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("matalign-theme", theme); } catch { /* Pages from disk may have no storage; the choice then lasts as long as the page. */ }
  themeButton.textContent = theme === "dark" ? "Light" : "Dark";
  redraws.forEach((redraw) => redraw());
}
themeButton.textContent = dark() ? "Light" : "Dark";

makeTiles();
if (count) {
  makeCandidate();
  makeLadders();
  if (places.length) makeHeatmap();
  makeBaseline();
  makeMaps();
  makeRegimes();
  makeImbalance();
  makePerformance();
  makeDimensions();
  makeTree();
  makeTable();
}

const nav = document.getElementById("nav");
const parts = [...document.querySelectorAll("section[data-title]")];
const names = { summary: "Summary", heatmap: "Matrix", maps: "Maps", regimes: "Regimes", imbalance: "Information", dimension: "Dimension", performance: "Accuracy", tree: "Tree", cases: "Cases", provenance: "Provenance", candidate: "Candidate", baseline: "Baseline" };
nav.append(...parts.map((part) => el("a", { href: `#${part.id}` }, names[part.id])), themeButton);
const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  nav.querySelectorAll("a").forEach((a) => (a.hash === `#${entry.target.id}` ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current")));
}), { rootMargin: "-30% 0px -60% 0px" });
parts.forEach((part) => watch.observe(part));

document.getElementById("copy").addEventListener("click", async () => {
  const text = document.getElementById("bibtex"), words = document.getElementById("copied");
  try {
    await navigator.clipboard.writeText(text.textContent);
    words.textContent = "copied";
  } catch {
    // Browsers refuse the clipboard to some pages from disk; selected text can be copied by hand.
    getSelection().selectAllChildren(text);
    words.textContent = "selected: press Ctrl+C or ⌘C";
  }
});
