// The data of the page, and the small tools every part uses: elements, numbers, colours, tips.

const data = JSON.parse(document.getElementById("data").textContent);
const cases = data.cases;
const count = cases.value ? cases.value.length : 0;
const models = data.models;
const modelIndex = new Map(models.map((model, index) => [model.id, index]));
const splitIndex = new Map(data.splits.map((split, index) => [split.id, index]));
const metricName = (index) => data.metrics[index].name.replaceAll("_", " ");
const isControl = (index) => models[index].role === "control";

function el(tag, attributes = {}, ...children) {
  const svgTags = "svg g rect circle path line text polyline polygon title desc";
  const node = svgTags.split(" ").includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const digits = (value, places = 3) =>
  (value === null || value === undefined ? "–" : value.toFixed(places).replace(/^-(0\.?0*)$/, "$1"));
const room = () => host.clientWidth - (host.clientWidth > 860 ? 360 : 40);
const short = (text, length) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);
const unique = (values) => [...new Set(values)];

// The first character is the width of one number in bytes, the rest base64.
function unpack(text) {
  const bytes = Uint8Array.from(atob(text.slice(1)), (c) => c.charCodeAt(0));
  return text[0] === "4" ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
}

// Colours. Categories: Okabe & Ito for modalities, Tol's "muted" for families; both are told apart
// under the common colour-vision deficiencies, and no mark relies on colour alone.
const MODALITY = {
  "3d": "var(--blue)", graph: "var(--green)", string: "var(--orange)", "protein-sequence": "var(--pink)",
  "protein-structure": "var(--red)", descriptor: "var(--grey)",
};
const MUTED = ["#88ccee", "#cc6677", "#ddcc77", "#117733", "#332288", "#aa4499", "#44aa99", "#999933", "#882255"];
const families = unique(models.filter((model) => model.role !== "control").map((model) => model.family));
const familyColour = (model) =>
  model.role === "control" ? MODALITY.descriptor : MUTED[families.indexOf(model.family) % MUTED.length];
const modalityColour = (model) => MODALITY[model.modality] || MODALITY.descriptor;

const dark = () => document.documentElement.dataset.theme === "dark";
const SCALES = {
  light: ["#f6f4ec", "#d5e6d6", "#9fd0c0", "#58abae", "#2f7f9e", "#275886", "#262f5f"],
  dark: ["#1b2732", "#1e4258", "#20637a", "#2f8888", "#63ad87", "#aecf84", "#f6efa8"],
};
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function scale(share) {
  const stops = SCALES[dark() ? "dark" : "light"];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [channels(stops[low]), channels(stops[low + 1])];
  const mixed = from.map((part, index) => Math.round(part + (to[index] - part) * (place - low)));
  return `rgb(${mixed})`;
}

function inkOn(colour) {
  const linear = colour.match(/\d+/g).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.3 ? "#101820" : "#ffffff";
}

// Verdicts, with a sign so that colour is not needed to tell them apart.
const SIGNS = {
  passed: ["good", "✓"], improved: ["good", "▲"], unchanged: ["good", "="], moved: ["unsure", "→"], failed: ["bad", "✗"],
  regressed: ["bad", "▼"], error: ["bad", "!"], undecided: ["unsure", "?"],
  "not-comparable": ["plain", "≠"], skipped: ["plain", "–"], "no-baseline": ["plain", "·"],
};
function verdictHtml(name) {
  const [tone, sign] = SIGNS[name] || ["plain", ""];
  return `<span class="verdict ${tone}"><span aria-hidden="true">${sign}</span>${escaped(name)}</span>`;
}

// One tooltip for the page; what it says goes to a live region too when it follows the keyboard.
const tip = document.getElementById("tip");
const live = document.getElementById("live");

function showTip(html, x, y) {
  tip.innerHTML = html;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  const top = y + 16 + box.height > innerHeight ? y - 12 - box.height : y + 16;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(top, 4)}px`;
}
const hideTip = () => { tip.hidden = true; };
const say = (html) => { live.textContent = html.replace(/<\/(b|dd|p|div)>/g, ", ").replace(/<[^>]+>/g, " "); };
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
// Not on "scroll": bringing a focused figure into view scrolls as well.
["wheel", "touchmove"].forEach((name) => addEventListener(name, hideTip, { passive: true }));

const list = (pairs) =>
  `<dl>${pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("")}</dl>`;

function caseTip(index) {
  const metric = data.metrics[cases.metric[index]];
  const [a, b] = [models[cases.a[index]], models[cases.b[index]]];
  const interval = cases.low[index] === null ? null : `${digits(cases.low[index])} to ${digits(cases.high[index])}`;
  const nil = cases.nullMean[index] === null ? null
    : `${digits(cases.nullMean[index])} ± ${digits(cases.nullSd[index])}, p = ${cases.p[index]}`;
  return `<b>${escaped(a.id)}</b> and <b>${escaped(b.id)}</b>` + list([
    [metricName(cases.metric[index]), `<b>${digits(cases.value[index])}</b>`],
    ["interval", interval],
    ["unrelated models", nil],
    ["calibrated", cases.calibrated[index] === null ? null : digits(cases.calibrated[index])],
    ["each way", cases.ab[index] === null ? null : `→ ${digits(cases.ab[index])}, ← ${digits(cases.ba[index])}`],
    ["n", cases.n[index]],
    ["k", metric.k],
    ["features", metric.preprocess],
    ["expected", cases.bound[index] ? escaped(cases.bound[index]) : null],
    ["verdict", verdictHtml(data.verdicts[cases.verdict[index]])],
  ]);
}

// A section with its heading, in the order the parts are made.
const host = document.getElementById("sections");
function section(id, title, note, layout) {
  const node = el("section", { id, class: layout, "data-title": title, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), note ? el("p", { class: "note" }, note) : null);
  host.append(node);
  return node;
}

function choice(label, options, change) {
  const select = el("select", { onchange: () => change(select.value) },
    options.map(([value, text]) => el("option", { value }, text)));
  return { node: el("label", {}, label, select), select };
}

function legend(entries) {
  return el("ul", { class: "legend" }, entries.map(([colour, text]) =>
    el("li", {}, el("span", { class: "swatch", style: `background:${colour}` }), text)));
}

// Places of a suite and split that were measured, for the choosers.
const places = unique(
  Array.from({ length: count }, (_, i) => i).filter((i) => cases.value[i] !== null)
    .map((i) => `${cases.suite[i]}|${cases.split[i]}`));
const placeText = (place) => {
  const [suite, split] = place.split("|").map(Number);
  return `${data.suites[suite].name} / ${data.splits[split].id}`;
};
const metricsUsed = unique(cases.metric || []);
function casesAt(place, metric) {
  const [suite, split] = place.split("|").map(Number);
  const found = [];
  for (let i = 0; i < count; i += 1) {
    if (cases.suite[i] === suite && cases.split[i] === split && cases.metric[i] === metric && cases.value[i] !== null) found.push(i);
  }
  return found;
}

const redraws = [];
