// Figures made of points and lines: summary, candidate, two directions, regimes, dimensions, tree.

const CLASS_COLOUR = { "same-family": "var(--blue)", "same-modality": "var(--sky)", "cross-modality": "var(--red)", control: "var(--grey)" };
const CLASS_SHAPE = { "same-family": 0, "same-modality": 1, "cross-modality": 2, control: 3 };
const classMark = (i) => { const name = cases.classes[cases.class[i]]; return { colour: CLASS_COLOUR[name] || "var(--grey)", shape: CLASS_SHAPE[name] ?? 0 }; };
const classLegend = (found) => legend(unique(found.map((i) => cases.classes[cases.class[i]])).map((name) => [CLASS_COLOUR[name] || "var(--grey)", name]));

function makeTiles() {
  const tiles = [
    [models.filter((m) => m.role !== "control").length, "models"],
    [models.filter((m) => m.role === "control").length, "controls"],
    [data.splits.length, "splits"],
    [data.splits.reduce((sum, split) => sum + split.samples, 0).toLocaleString("en"), "samples"],
    [count.toLocaleString("en"), "alignments"],
    [data.failures, "failures"],
  ];
  document.getElementById("tiles").append(...tiles.map(([value, text]) => el("div", { class: "tile" }, el("b", {}, String(value)), el("span", {}, text))));
}

function makeLadders() {
  if (!data.ladders.length || data.candidate !== null) return;
  const node = section("summary", "In one look",
    "Each line is a model: the dot is its mean alignment with the other pretrained models, the bar runs from its farthest to its closest, the hollow diamond is the closest control. A model whose diamond stands right of its dot agrees more with something that learned nothing than with its peers.", "beside");
  const state = { at: 0 };
  const body = el("div", { class: "figure-body" });
  const pick = choice("suite and split", data.ladders.map((one, i) => [i, `${one.suite} / ${one.split}`]), (value) => { state.at = Number(value); draw(); });
  node.append(el("div", { class: "controls" }, pick.node), body);
  function draw() {
    const one = data.ladders[state.at];
    const lines = one.rows.filter((row) => row.mean !== null || row.control).map((row) => {
      const colour = modalityColour(models[modelIndex.get(row.model)]);
      const words = (name, partner) => (partner ? [name, `${digits(partner[1])} with ${escaped(partner[0])}`] : [name, null]);
      const tipText = () => `<b>${escaped(row.model)}</b>` + list([["mean", digits(row.mean)], words("closest", row.best), words("farthest", row.worst), words("closest control", row.control), ["n", row.n]]);
      const marks = row.mean === null ? [] : [{ x: row.mean, low: Math.min(row.worst[1], row.best[1]), high: Math.max(row.worst[1], row.best[1]), colour, tip: tipText }];
      if (row.control) marks.push({ x: row.control[1], shape: 3, hollow: true, colour: "var(--soft)", tip: tipText });
      return { text: row.model, marks };
    });
    const used = unique(one.rows.map((row) => models[modelIndex.get(row.model)].modality));
    body.replaceChildren(legend(used.map((m) => [MODALITY[m], m])), ladder(lines, { label: "Mean alignment of each model", xLabel: `${one.metric.replaceAll("_", " ")}${one.k ? `, k = ${one.k}` : ""}` }));
  }
  draw();
}

function makeCandidate() {
  if (data.candidate === null) return;
  const own = modelIndex.get(data.candidate);
  const node = section("candidate", `${data.candidate} beside its references`,
    "The value with its interval for every reference; the small grey bar is what unrelated models would give, controls are hollow. Read a value against the controls before calling it high.", "beside");
  const state = { place: places[0], metric: metricsUsed[0] };
  const body = el("div", { class: "figure-body" });
  const draw = () => {
    const found = casesAt(state.place, state.metric).filter((i) => cases.a[i] === own || cases.b[i] === own);
    const other = (i) => (cases.a[i] === own ? cases.b[i] : cases.a[i]);
    found.sort((i, j) => closeness(state.metric, cases.value[j]) - closeness(state.metric, cases.value[i]));
    const lines = found.map((i) => ({ text: models[other(i)].id, italic: isControl(other(i)), marks: [
      ...(cases.nullMean[i] === null ? [] : [{ x: cases.nullMean[i], low: cases.nullMean[i] - 2 * cases.nullSd[i], high: cases.nullMean[i] + 2 * cases.nullSd[i], colour: "var(--grey)", shape: 3, hollow: true, thin: true, tip: () => caseTip(i) }]),
      { x: cases.value[i], low: cases.low[i], high: cases.high[i], thin: true, colour: modalityColour(models[other(i)]), hollow: isControl(other(i)), tip: () => caseTip(i) }] }));
    body.replaceChildren(lines.length ? ladder(lines, { label: "Alignment of the candidate", xLabel: metricName(state.metric) }) : el("p", {}, "Nothing was measured here."));
  };
  node.append(el("div", { class: "controls" },
    choice("suite and split", places.map((p) => [p, placeText(p)]), (value) => { state.place = value; draw(); }).node,
    choice("metric", metricsUsed.map((i) => [i, metricName(i)]), (value) => { state.metric = Number(value); draw(); }).node), body);
  draw();
}

function makeImbalance() {
  const metric = metricsUsed.find((i) => data.metrics[i].name === "information_imbalance");
  const usable = metric === undefined ? [] : places.filter((p) => casesAt(p, metric).some((i) => cases.ab[i] !== null));
  if (!usable.length) return;
  const node = section("imbalance", "Which model contains which",
    "Information imbalance both ways. Bottom left: the two carry the same information. Top right: neither tells of the other. Near an axis: one contains the other. Each pair is drawn so that x is the way from its first model to its second.", "beside");
  const state = { place: usable[0], pick: "" };
  const body = el("div", { class: "figure-body" });
  const draw = () => {
    const all = casesAt(state.place, metric).filter((i) => cases.ab[i] !== null);
    const found = state.pick === "" ? all : all.filter((i) => cases.a[i] === Number(state.pick) || cases.b[i] === Number(state.pick));
    const points = found.map((i) => ({ x: cases.ab[i], y: cases.ba[i], ...classMark(i), tip: () => caseTip(i) }));
    const top = Math.max(1.02, ...points.map((p) => Math.max(p.x, p.y)));
    body.replaceChildren(classLegend(all), points.length ? plane(points, { label: "Information-imbalance plane", x: [0, top], y: [0, top], diagonal: true, width: 560, height: 540,
      xLabel: "Δ(first → second)", yLabel: "Δ(second → first)",
      words: [[0.02 * top, 0.02 * top, "same information", "start"], [0.98 * top, 0.96 * top, "unrelated", "end"], [0.98 * top, 0.03 * top, "second contains first", "end"], [0.02 * top, 0.96 * top, "first contains second", "start"]] })
      : el("p", {}, "No pair of this model was measured here."));
  };
  node.append(el("div", { class: "controls" },
    choice("suite and split", usable.map((p) => [p, placeText(p)]), (value) => { state.place = value; draw(); }).node,
    choice("model", [["", "all"], ...models.map((m, i) => [i, m.id])], (value) => { state.pick = value; draw(); }).node), body);
  draw();
}

function makeRegimes() {
  const role = (place) => data.splits[Number(place.split("|")[1])].role;
  const combos = [];
  places.forEach((x) => places.forEach((y) => {
    if (x.split("|")[0] === y.split("|")[0] && role(x) === "in-distribution" && role(y) === "out-of-distribution") combos.push([x, y]);
  }));
  if (!combos.length) return;
  const node = section("regimes", "Familiar samples against unfamiliar ones",
    "Each point is a pair of models: its alignment on the split the models were trained near, and on one they were not. On the dashed line nothing changes; above it the pair agrees more on unfamiliar samples, below it less. The two splits differ in number of samples, and local metrics fall with n at fixed k, so compare pairs with each other rather than with the line where n differs.", "beside");
  const state = { combo: 0, metric: metricsUsed[0] };
  const body = el("div", { class: "figure-body" });
  const draw = () => {
    const [x, y] = combos[state.combo];
    const out = new Map(casesAt(y, state.metric).map((i) => [`${cases.a[i]}|${cases.b[i]}`, i]));
    const found = casesAt(x, state.metric).filter((i) => out.has(`${cases.a[i]}|${cases.b[i]}`));
    const points = found.map((i) => {
      const j = out.get(`${cases.a[i]}|${cases.b[i]}`);
      return { x: cases.value[i], y: cases.value[j], low: cases.low[j], high: cases.high[j], ...classMark(i),
        tip: () => `<b>${escaped(models[cases.a[i]].id)}</b> and <b>${escaped(models[cases.b[i]].id)}</b>` + list([
          [escaped(data.splits[cases.split[i]].id), `${digits(cases.value[i])} (${digits(cases.low[i])} to ${digits(cases.high[i])}), n = ${cases.n[i]}`],
          [escaped(data.splits[cases.split[j]].id), `${digits(cases.value[j])} (${digits(cases.low[j])} to ${digits(cases.high[j])}), n = ${cases.n[j]}`]]) };
    });
    const range = points.length ? spread(points.flatMap((p) => [p.x, p.y])) : [0, 1];
    body.replaceChildren(classLegend(found), points.length ? plane(points, { label: "In- against out-of-distribution alignment", x: range, y: range, diagonal: true, height: 540,
      xLabel: `${metricName(state.metric)} on ${data.splits[Number(x.split("|")[1])].id}`, yLabel: `${metricName(state.metric)} on ${data.splits[Number(y.split("|")[1])].id}` }) : el("p", {}, "No pair was measured on both."));
  };
  node.append(el("div", { class: "controls" },
    choice("splits", combos.map(([x, y], i) => [i, `${placeText(x)} against ${data.splits[Number(y.split("|")[1])].id}`]), (value) => { state.combo = Number(value); draw(); }).node,
    choice("metric", metricsUsed.map((i) => [i, metricName(i)]), (value) => { state.metric = Number(value); draw(); }).node), body);
  draw();
}

function makeDimensions() {
  const rows = data.companion ? data.companion.dimension : [];
  if (!rows.length) return;
  const node = section("dimension", "How many directions the data fills",
    "Intrinsic dimension by TwoNN with its interval. Strong models tend to squeeze a data set into few directions whatever the width of their last layer; random features do not.", "beside");
  const body = el("div", { class: "figure-body" });
  const splits = unique(rows.map((row) => row.split));
  const draw = (split) => {
    const found = rows.filter((row) => row.split === split).sort((x, y) => x.value - y.value);
    const lines = found.map((row) => {
      const model = models[modelIndex.get(row.model)];
      return { text: row.model, italic: model.role === "control", marks: [{ x: row.value, low: row.low, high: row.high, thin: true, colour: modalityColour(model), hollow: model.role === "control",
        tip: () => `<b>${escaped(row.model)}</b>` + list([["dimension", `<b>${row.value}</b>`], ["interval", `${row.low} to ${row.high}`], ["estimator", escaped(row.estimator)], ["distinct samples", row.n], ["kind", escaped(model.kind)]]) }] };
    });
    const used = unique(found.map((row) => models[modelIndex.get(row.model)].modality));
    // One wild interval must not squeeze the rest: the axis follows the values.
    const top = Math.max(...found.map((row) => row.value)) * 1.25;
    found.forEach((row, at) => lines[at].marks.forEach((m) => { m.low = Math.max(m.low, 0); m.high = Math.min(m.high, top); }));
    body.replaceChildren(legend(used.map((m) => [MODALITY[m], m])), ladder(lines, { label: `Intrinsic dimensions on ${split}`, xLabel: "intrinsic dimension (TwoNN)", x: [0, top] }));
  };
  node.append(el("div", { class: "controls" }, choice("split", splits.map((s) => [s, s]), draw).node), body);
  draw(splits[0]);
}

function makePerformance() {
  const rows = data.companion ? data.companion.performance : [];
  if (!rows.length) return;
  const node = section("performance", "Agreement and accuracy", " ", "beside");
  const body = el("div", { class: "figure-body" }), words = node.querySelector(".note");
  const draw = (value) => {
    const one = rows[Number(value)];
    const points = one.models.map((m) => { const model = models[modelIndex.get(m.model)]; return { x: m.alignment, y: m.error, colour: familyColour(model), shape: model.role === "control" ? 3 : 0, text: m.model,
      tip: () => `<b>${escaped(m.model)}</b>` + list([["alignment with the reference", digits(m.alignment)], [escaped(one.measure), digits(m.error)]]) }; });
    words.textContent = one.words;
    body.replaceChildren(points.length ? plane(points, { label: "Alignment against performance", width: 680, xLabel: one.xLabel, yLabel: one.measure, x: spread(points.map((p) => p.x), 0.15) }) : el("p", {}, "Nothing was measured here."));
  };
  node.append(el("div", { class: "controls" }, choice("split and label", rows.map((one, i) => [i, one.title]), draw).node), body);
  draw(0);
}

function makeTree() {
  const trees = data.companion ? data.companion.trees : [];
  if (!trees.length) return;
  const node = section("tree", "The tree of models",
    "Neighbour joining on the square-root Jensen–Shannon distances between alignment profiles. Models on one branch agree about whom they agree with; branch lengths are distances. A number is the percentage of half-samples in which the branch appears.", "beside");
  const body = el("div", { class: "figure-body" });
  const draw = (value) => { body.replaceChildren(drawTree(trees[Number(value)])); };
  node.append(el("div", { class: "controls" }, choice("split", trees.map((one, i) => [i, `${one.split}, by ${one.metric.replaceAll("_", " ")}, n = ${one.n}`]), draw).node), body);
  draw(0);
}

// nodes: {parent, length, model|null, support|null}, parents before children; an unrooted tree is
// drawn as equal-angle rays, so that no root is claimed.
function drawTree(tree) {
  const kids = tree.nodes.map(() => []);
  tree.nodes.forEach((one, i) => { if (one.parent !== null) kids[one.parent].push(i); });
  const leaves = tree.nodes.map(() => 0);
  for (let i = tree.nodes.length - 1; i >= 0; i -= 1) leaves[i] = kids[i].length ? kids[i].reduce((s, k) => s + leaves[k], 0) : 1;
  const spots = tree.nodes.map(() => null);
  spots[0] = { x: 0, y: 0, from: 0, to: 2 * Math.PI, angle: 0 };
  tree.nodes.forEach((_, i) => {
    let from = spots[i].from;
    kids[i].forEach((k) => {
      const share = ((spots[i].to - spots[i].from) * leaves[k]) / leaves[i], angle = from + share / 2, length = Math.max(tree.nodes[k].length, 0);
      spots[k] = { x: spots[i].x + length * Math.cos(angle), y: spots[i].y + length * Math.sin(angle), from, to: from + share, angle };
      from += share;
    });
  });
  const xs = spread(spots.map((s) => s.x), 0), ys = spread(spots.map((s) => s.y), 0);
  const width = 760, margin = 150, zoom = Math.min((width - 2 * margin) / (xs[1] - xs[0] || 1), 420 / (ys[1] - ys[0] || 1));
  const height = (ys[1] - ys[0]) * zoom + 110;
  const at = (s) => [margin + (s.x - xs[0]) * zoom + ((width - 2 * margin) - (xs[1] - xs[0]) * zoom) / 2, 55 + (s.y - ys[0]) * zoom];
  const parts = [];
  tree.nodes.forEach((one, i) => {
    if (one.parent === null) return;
    const [[x0, y0], [x1, y1]] = [at(spots[one.parent]), at(spots[i])];
    parts.push(`<path d="M${x0} ${y0}L${x1} ${y1}" stroke="var(--soft)" stroke-width="1.6"/>`);
    if (one.support !== null && one.support !== undefined) parts.push(`<text class="soft" x="${(x0 + x1) / 2}" y="${(y0 + y1) / 2 - 3}" font-size="9.5" text-anchor="middle">${Math.round(100 * one.support)}</text>`);
  });
  tree.nodes.forEach((one, i) => {
    if (!one.model) return;
    const [x, y] = at(spots[i]), model = models[modelIndex.get(one.model)], right = Math.cos(spots[i].angle) >= 0;
    parts.push(`<circle cx="${x}" cy="${y}" r="5" fill="${familyColour(model)}" stroke="var(--card)"/><text x="${x + (right ? 9 : -9)}" y="${y + 4}" font-size="12" text-anchor="${right ? "start" : "end"}">${escaped(one.model)}</text>`);
  });
  const svg = el("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Tree of ${leaves[0]} models` });
  svg.innerHTML = parts.join("");
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tree of models" }, svg, el("details", {}, el("summary", {}, "Newick"), el("pre", { tabindex: 0 }, tree.newick)));
}

function makeBaseline() {
  const old = data.baseline;
  if (!old) return;
  const node = section("baseline", "Against the baseline",
    `The candidate now, beside ${old.candidate || "the same models"} on ${old.started.slice(0, 10)}, pair by pair. Each interval is the value's own; whether a change is a regression is judged on the paired difference, and told as the verdict above.`);
  if (old.notComparable) node.append(el("p", {}, `${old.notComparable} pairs are left out because n, k or the preprocessing differ.`));
  if (!old.rows.length) { node.append(el("p", {}, "No pair of the two scorecards can be compared.")); }
  else {
    const metrics = unique(old.rows.map((row) => row[4]));
    const body = el("div", { class: "figure-body" });
    const draw = (metric) => {
      const points = old.rows.filter((row) => row[4] === metric).map((row) => {
        const partner = models[modelIndex.get(row[2] === data.candidate ? row[3] : row[2])];
        return { x: row[5], y: row[8], low: row[9], high: row[10], colour: modalityColour(partner), shape: partner.role === "control" ? 3 : 0,
          tip: () => `<b>${escaped(row[2])}</b> and <b>${escaped(row[3])}</b> on ${escaped(row[1])}` + list([["before", `${digits(row[5])} (${digits(row[6])} to ${digits(row[7])})`], ["now", `${digits(row[8])} (${digits(row[9])} to ${digits(row[10])})`], ["change", digits(row[8] - row[5])]]) };
      });
      const range = spread(points.flatMap((p) => [p.x, p.y]));
      body.replaceChildren(plane(points, { label: "Candidate against baseline", x: range, y: range, diagonal: true, height: 520, xLabel: `${metric.replaceAll("_", " ")} before`, yLabel: `${metric.replaceAll("_", " ")} now` }));
    };
    node.append(el("div", { class: "controls" }, choice("metric", metrics.map((m) => [m, m.replaceAll("_", " ")]), draw).node), body);
    draw(metrics[0]);
  }
  const moved = data.companion ? data.companion.moved : [];
  moved.forEach((one) => {
    const samples = data.companion.samples[one.split];
    node.append(el("h3", {}, `Samples that moved most on ${one.split}`),
      el("p", { class: "note" }, one.unchanged ? "The embedding is the same, bit for bit." : `Share of a sample's ${one.k} nearest neighbours that are still among them; the mean over the split is ${digits(one.mean, 2)}.`));
    if (one.unchanged) return;
    const grid = el("div", { class: "panes" });
    one.samples.forEach(([at, kept]) => {
      const pane = el("div", { class: "pane" });
      pane.innerHTML = `<b class="mono">${escaped(samples.ids[at])}</b> <span class="soft">${Math.round(100 * kept)} % kept</span><div class="soft" style="overflow-wrap:anywhere">${escaped(samples.captions[at])}</div>${drawing(samples.pictures[at], 180, 120)}`;
      grid.append(pane);
    });
    node.append(grid);
  });
}
