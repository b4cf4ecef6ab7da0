// The matrix of alignments, ordered so that models which agree stand side by side.

function makeHeatmap() {
  const alone = data.candidate !== null;
  const node = section("heatmap", alone ? "Where it stands on every split" : "Who agrees with whom",
    alone ? "One line a reference, closest first, controls below; one column a split. Point at a cell for its interval, null, n and k."
      : "Models in the order of an average-linkage clustering with optimal leaf order; controls stand apart, nearest first. Bars: family and modality. Point at a cell, or focus the figure and use the arrow keys.");
  const state = { place: places[0], metric: metricsUsed[0], cursor: null };
  const figure = el("div", { class: "figure" });
  const placeChoice = choice("suite and split", places.map((p) => [p, placeText(p)]), (value) => { state.place = value; state.cursor = null; draw(); });
  const metricChoice = choice("metric", metricsUsed.map((i) => [i, metricName(i)]), (value) => { state.metric = Number(value); state.cursor = null; draw(); });
  metricChoice.select.id = "heatmap-metric";
  placeChoice.select.id = "heatmap-place";
  const controls = el("input", { type: "checkbox", checked: "", onchange: () => draw() });
  node.append(el("div", { class: "controls" }, placeChoice.node, metricChoice.node, el("label", { class: "check" }, controls, "controls")), figure);
  redraws.push(draw);

  function draw() {
    figure.replaceChildren();
    const found = casesAt(state.place, state.metric);
    const [suite, split] = state.place.split("|").map(Number);
    const order = data.orders.find((one) => one.suite === data.suites[suite].name
      && one.split === data.splits[split].id && one.metric === data.metrics[state.metric].name);
    if (!order) { figure.append(el("p", {}, "Nothing was measured by this metric here.")); return; }
    const own = data.candidate === null ? null : modelIndex.get(data.candidate);
    const square = order.clustered.filter((m) => m !== own).length < 2 || own === null
      || found.some((i) => cases.a[i] !== own && cases.b[i] !== own);
    if (square) drawSquare(figure, order, found, state, controls.checked);
    else drawProfile(figure, own, state.metric, controls.checked);
  }
  draw();
}

function pairsOf(found) {
  const at = new Map();
  found.forEach((i) => { at.set(`${cases.a[i]}|${cases.b[i]}`, i); at.set(`${cases.b[i]}|${cases.a[i]}`, i); });
  return at;
}

// Alignment as a share of the colour scale: 0 is unrelated, 1 is identical, whichever way it runs.
const closeness = (metric, value) => (data.metrics[metric].higher ? value : 1 - value);

function drawSquare(figure, order, found, state, withControls) {
  const rows = withControls ? [...order.clustered, ...order.controls] : order.clustered;
  const shownRows = rows;
  const pairs = pairsOf(found);
  const n = shownRows.length, pretrained = order.clustered.length;
  const size = Math.max(9, Math.min(44, Math.floor(720 / n)));
  const gap = withControls && order.controls.length ? 10 : 0;
  const labelWidth = 8 + 7.3 * Math.max(...shownRows.map((m) => models[m].id.length));
  const treeHeight = order.links.length ? 70 : 0, bars = 22;
  const left = labelWidth + bars, top = treeHeight + bars;
  const at = (index) => index * size + (index >= pretrained ? gap : 0);
  const extent = at(n - 1) + size;
  const width = left + extent + 2, height = top + extent + labelWidth * 0.82 + 12;
  const fontSize = Math.min(12, Math.max(7, size * 0.8));
  const parts = [];
  shownRows.forEach((row, r) => {
    shownRows.forEach((column, c) => {
      const x = left + at(c), y = top + at(r);
      const index = pairs.get(`${row}|${column}`);
      if (row === column) { parts.push(`<rect x="${x}" y="${y}" width="${size}" height="${size}" fill="none" stroke="var(--line)"/>`); return; }
      if (index === undefined) { parts.push(`<path d="M${x + size * 0.3} ${y + size * 0.7}L${x + size * 0.7} ${y + size * 0.3}" stroke="var(--line)"/>`); return; }
      const value = cases.value[index], colour = scale(closeness(state.metric, value));
      parts.push(`<rect class="cell" data-case="${index}" x="${x}" y="${y}" width="${size - (size > 14 ? 1 : 0)}" height="${size - (size > 14 ? 1 : 0)}" fill="${colour}"/>`);
      if (size >= 26) parts.push(`<text x="${x + size / 2}" y="${y + size / 2 + 3.5}" text-anchor="middle" font-size="${Math.min(11, size * 0.33)}" style="fill:${inkOn(colour)}" pointer-events="none">${digits(value, 2).replace(/^0/, "")}</text>`);
    });
    const model = models[row];
    parts.push(`<text x="${labelWidth - 4}" y="${top + at(r) + size / 2 + fontSize * 0.35}" text-anchor="end" font-size="${fontSize}"${model.role === "control" ? ' class="soft" font-style="italic"' : ""}>${escaped(model.id)}</text>`);
    parts.push(`<rect x="${left - 20}" y="${top + at(r)}" width="8" height="${size - 1}" fill="${familyColour(model)}"><title>family ${escaped(model.family)}</title></rect>`);
    parts.push(`<rect x="${left - 10}" y="${top + at(r)}" width="8" height="${size - 1}" fill="${modalityColour(model)}"><title>modality ${escaped(model.modality)}</title></rect>`);
    parts.push(`<rect x="${left + at(r)}" y="${top - 20}" width="${size - 1}" height="8" fill="${familyColour(model)}"/><rect x="${left + at(r)}" y="${top - 10}" width="${size - 1}" height="8" fill="${modalityColour(model)}"/>`);
    const [tx, ty] = [left + at(r) + size / 2 + fontSize * 0.3, top + extent + 8];
    parts.push(`<text transform="translate(${tx} ${ty}) rotate(-50)" text-anchor="end" font-size="${fontSize}"${model.role === "control" ? ' class="soft" font-style="italic"' : ""}>${escaped(model.id)}</text>`);
  });
  parts.push(dendrogram(order, (index) => left + at(index) + size / 2, treeHeight));
  parts.push('<rect id="cursor" fill="none" stroke="var(--ink)" stroke-width="2.5" visibility="hidden" pointer-events="none"/>');
  const svg = el("svg", { id: "heatmap-figure", width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application",
    "aria-label": `Alignment matrix of ${n} models by ${metricName(state.metric)}; arrow keys move from cell to cell` });
  svg.innerHTML = parts.join("");
  const where = (r, c) => ({ x: left + at(c), y: top + at(r) });
  const mark = (r, c) => {
    const cursor = svg.querySelector("#cursor"), spot = where(r, c);
    for (const [name, value] of Object.entries({ x: spot.x, y: spot.y, width: size, height: size, visibility: "visible" })) cursor.setAttribute(name, value);
  };
  svg.addEventListener("mousemove", (event) => {
    const index = event.target.dataset ? event.target.dataset.case : undefined;
    if (index === undefined) { hideTip(); return; }
    showTip(caseTip(Number(index)), event.clientX, event.clientY);
  });
  svg.addEventListener("mouseleave", hideTip);
  svg.addEventListener("blur", hideTip);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [r, c] = state.cursor || [0, 0];
    state.cursor = [Math.min(n - 1, Math.max(0, r + step[0])), Math.min(n - 1, Math.max(0, c + step[1]))];
    const [row, column] = state.cursor;
    mark(row, column);
    const index = pairs.get(`${shownRows[row]}|${shownRows[column]}`);
    const html = index === undefined ? `<b>${escaped(models[shownRows[row]].id)}</b> and <b>${escaped(models[shownRows[column]].id)}</b>: not compared` : caseTip(index);
    const box = svg.getBoundingClientRect(), spot = where(row, column), zoom = box.width / width;
    showTip(html, box.left + (spot.x + size) * zoom, box.top + (spot.y + size) * zoom);
    say(html);
  });
  const used = shownRows.map((m) => models[m]);
  figure.append(
    el("div", { class: "scroll" }, svg),
    el("div", { class: "aside" }, ramp(state.metric),
      el("b", {}, "family"), legend(families.filter((f) => used.some((m) => m.family === f && m.role !== "control")).map((f) => [MUTED[families.indexOf(f) % MUTED.length], f]).concat(withControls && order.controls.length ? [[MODALITY.descriptor, "control"]] : [])),
      el("b", {}, "modality"), legend(unique(used.map((m) => m.modality)).map((m) => [MODALITY[m] || MODALITY.descriptor, m])),
      el("p", { class: "note" }, order.links.length ? "Height of a merge: the mean distance between two groups (1 − alignment)." : "")));
}

function dendrogram(order, x, height) {
  if (!order.links.length) return "";
  const tallest = Math.max(...order.links.map((link) => link[2]), 1e-9);
  const nodes = order.clustered.map((_, index) => ({ x: x(index), y: height - 2 }));
  return order.links.map(([l, r, h]) => {
    const [a, b] = [nodes[l], nodes[r]], y = height - 2 - (h / tallest) * (height - 8);
    nodes.push({ x: (a.x + b.x) / 2, y });
    return `<path d="M${a.x} ${a.y}V${y}H${b.x}V${b.y}" fill="none" stroke="var(--soft)" stroke-width="1.3"/>`;
  }).join("");
}

function ramp(metric) {
  const svg = el("svg", { width: 200, height: 34, viewBox: "0 0 200 34", role: "img", "aria-label": "Colour scale from unrelated to identical" });
  const higher = data.metrics[metric].higher;
  svg.innerHTML = Array.from({ length: 50 }, (_, i) => `<rect x="${i * 4}" y="0" width="4.4" height="14" fill="${scale(i / 49)}"/>`).join("")
    + `<text x="0" y="29" font-size="11">${higher ? 0 : 1}, unrelated</text><text x="200" y="29" font-size="11" text-anchor="end">identical, ${higher ? 1 : 0}</text>`;
  return svg;
}

// A candidate is compared with references only: one line a reference, one column a split.
function drawProfile(figure, own, metric, withControls) {
  const found = [];
  for (let i = 0; i < count; i += 1) {
    if (cases.metric[i] === metric && cases.value[i] !== null && (cases.a[i] === own || cases.b[i] === own)) found.push(i);
  }
  const other = (i) => (cases.a[i] === own ? cases.b[i] : cases.a[i]);
  const columns = unique(found.map((i) => `${cases.suite[i]}|${cases.split[i]}`));
  const mean = (m) => { const v = found.filter((i) => other(i) === m).map((i) => closeness(metric, cases.value[i])); return v.reduce((s, x) => s + x, 0) / v.length; };
  const rows = unique(found.map(other)).filter((m) => withControls || !isControl(m)).sort((x, y) => isControl(x) - isControl(y) || mean(y) - mean(x));
  const left = 10 + 7 * Math.max(...rows.map((m) => models[m].id.length)), w = 96, h = 24;
  const parts = columns.map((place, c) => `<text x="${left + c * w + w / 2}" y="14" text-anchor="middle" font-size="11">${escaped(short(placeText(place).split(" / ")[1], 15))}</text>`);
  rows.forEach((m, r) => {
    parts.push(`<text x="${left - 6}" y="${38 + r * h}" text-anchor="end" font-size="12"${isControl(m) ? ' class="soft" font-style="italic"' : ""}>${escaped(models[m].id)}</text>`);
    columns.forEach((place, c) => {
      const index = found.find((i) => other(i) === m && `${cases.suite[i]}|${cases.split[i]}` === place);
      if (index === undefined) return;
      const colour = scale(closeness(metric, cases.value[index]));
      parts.push(`<rect class="cell" data-case="${index}" x="${left + c * w}" y="${22 + r * h}" width="${w - 1}" height="${h - 1}" fill="${colour}"/><text pointer-events="none" x="${left + c * w + w / 2}" y="${38 + r * h}" text-anchor="middle" font-size="11" style="fill:${inkOn(colour)}">${digits(cases.value[index])}</text>`);
    });
  });
  const [width, height] = [left + columns.length * w + 4, 26 + rows.length * h];
  const svg = el("svg", { id: "heatmap-figure", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Alignment of ${models[own].id} with ${rows.length} models` });
  svg.innerHTML = parts.join("");
  svg.addEventListener("mousemove", (event) => {
    const index = event.target.dataset ? event.target.dataset.case : undefined;
    if (index === undefined) hideTip(); else showTip(caseTip(Number(index)), event.clientX, event.clientY);
  });
  svg.addEventListener("mouseleave", hideTip);
  figure.append(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Alignment of the candidate" }, svg), el("div", { class: "aside" }, ramp(metric)));
}
