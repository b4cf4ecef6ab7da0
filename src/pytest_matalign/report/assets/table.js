// The table of cases: every column sorts, one box and four choosers filter, pages of twenty-five.

const PAGE = 25;
const COLUMNS = [
  ["split", "split", (i) => data.splits[cases.split[i]].id],
  ["a", "model", (i) => models[cases.a[i]].id],
  ["b", "with", (i) => models[cases.b[i]].id],
  ["metric", "metric", (i) => metricName(cases.metric[i])],
  ["value", "value", (i) => cases.value[i], "num"],
  ["interval", "interval", (i) => cases.low[i], "num"],
  ["null", "null", (i) => cases.nullMean[i], "num"],
  ["calibrated", "calibrated", (i) => cases.calibrated[i], "num"],
  ["n", "n", (i) => cases.n[i], "num"],
  ["k", "k", (i) => data.metrics[cases.metric[i]].k, "num"],
  ["verdict", "verdict", (i) => cases.verdict[i]],
  ["reason", "reason", (i) => cases.reasons[cases.reason[i]]],
];

function caseCells(i) {
  const interval = cases.low[i] === null ? "–" : `${digits(cases.low[i])} – ${digits(cases.high[i])}`;
  return [
    escaped(data.splits[cases.split[i]].id), escaped(models[cases.a[i]].id), escaped(models[cases.b[i]].id),
    metricName(cases.metric[i]), `<b>${digits(cases.value[i])}</b>`, interval, digits(cases.nullMean[i]),
    digits(cases.calibrated[i]), cases.n[i] || "–", data.metrics[cases.metric[i]].k ?? "–",
    verdictHtml(data.verdicts[cases.verdict[i]]), escaped(cases.reasons[cases.reason[i]] || cases.bound[i]),
  ];
}

function makeTable() {
  const node = section("cases", "Every case",
    "One line a pair, split and metric. The interval is for the value; null is what two unrelated models would give; calibrated is 0 at the null and 1 for identical representations.");
  const state = { sort: null, down: false, page: 0, rows: [] };
  const search = el("input", { type: "search", placeholder: "model, metric, reason…", oninput: () => filter() });
  const make = (label, options) => choice(label, [["", "all"], ...options], () => filter());
  const splitChoice = make("split", data.splits.map((split, i) => [i, split.id]));
  const metricChoice = make("metric", metricsUsed.map((i) => [i, metricName(i)]));
  const verdictChoice = make("verdict", unique(cases.verdict).sort((x, y) => x - y).map((i) => [i, data.verdicts[i]]));
  const classChoice = make("pair", cases.classes.map((name, i) => [i, name]));
  const haystack = Array.from({ length: count }, (_, i) =>
    `${data.splits[cases.split[i]].id} ${models[cases.a[i]].id} ${models[cases.b[i]].id} ${metricName(cases.metric[i])} ${cases.reasons[cases.reason[i]]} ${data.verdicts[cases.verdict[i]]}`.toLowerCase());
  const heads = COLUMNS.map(([key, text, , kind]) =>
    el("th", { scope: "col", class: kind, "data-key": key },
      el("button", { type: "button", onclick: () => sortBy(key) }, text)));
  const body = el("tbody");
  const words = el("span", { role: "status" });
  const before = el("button", { type: "button", onclick: () => turn(-1) }, "Back");
  const after = el("button", { type: "button", onclick: () => turn(1) }, "Next");

  function filter() {
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [[splitChoice, cases.split], [metricChoice, cases.metric], [verdictChoice, cases.verdict], [classChoice, cases.class]]
      .filter(([one]) => one.select.value !== "").map(([one, column]) => [Number(one.select.value), column]);
    state.rows = [];
    for (let i = 0; i < count; i += 1) {
      if (wanted.every(([value, column]) => column[i] === value) && terms.every((term) => haystack[i].includes(term))) state.rows.push(i);
    }
    order();
  }
  function sortBy(key) {
    state.down = state.sort === key ? !state.down : false;
    state.sort = key;
    order();
  }
  function order() {
    const column = COLUMNS.find(([key]) => key === state.sort);
    if (column) {
      const values = new Map(state.rows.map((i) => [i, column[2](i)]));
      const sign = state.down ? -1 : 1;
      // Whatever was not measured stays at the end, whichever way the column runs.
      state.rows.sort((i, j) => {
        const [x, y] = [values.get(i), values.get(j)];
        if (x === null || y === null) return (x === null) - (y === null) || i - j;
        return (x < y ? -sign : x > y ? sign : i - j);
      });
    }
    heads.forEach((head) => {
      if (head.dataset.key === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    state.page = 0;
    draw();
  }
  function turn(step) { state.page += step; draw(); }
  function draw() {
    const from = state.page * PAGE;
    const shown = state.rows.slice(from, from + PAGE);
    body.innerHTML = shown.map((i) => `<tr>${caseCells(i).map((cell, at) =>
      `<td class="${COLUMNS[at][3] || (COLUMNS[at][0] === "reason" ? "wrap-text" : "")}">${cell}</td>`).join("")}</tr>`).join("");
    words.textContent = state.rows.length ? `${from + 1}–${from + shown.length} of ${state.rows.length} cases` : "no case fits";
    before.disabled = state.page === 0;
    after.disabled = from + PAGE >= state.rows.length;
  }

  node.append(
    el("div", { class: "controls" }, el("label", {}, "search", search), splitChoice.node, metricChoice.node, classChoice.node, verdictChoice.node),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of cases" },
      el("table", { id: "case-table" }, el("thead", {}, el("tr", {}, heads)), body)),
    el("div", { class: "pager" }, before, after, words));
  filter();
}
