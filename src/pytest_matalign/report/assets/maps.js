// Maps of the samples, two models side by side: what is near in one, where does it lie in the other?

function drawing(picture, width = 220, height = 160) {
  if (!picture) return "";
  const points = picture.t === "mol" ? picture.a : picture.p;
  const corners = picture.c ? picture.c.flatMap((edge) => [[edge[0], edge[1]], [edge[2], edge[3]]]) : [];
  const xs = spread([...points, ...corners].map((p) => p[0]), 0), ys = spread([...points, ...corners].map((p) => p[1]), 0);
  const pad = 18, most = picture.t === "mol" ? 0.22 : 1;
  const zoom = Math.min((width - 2 * pad) / (xs[1] - xs[0] || 1), (height - 2 * pad) / (ys[1] - ys[0] || 1), most);
  const at = (p) => [width / 2 + (p[0] - (xs[0] + xs[1]) / 2) * zoom, height / 2 + (p[1] - (ys[0] + ys[1]) / 2) * zoom];
  const body = { mol: formula, atoms: structure, trace }[picture.t](picture, at, zoom);
  return `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-hidden="true">${body}</svg>`;
}

const ATOM_INK = { N: "#3b6fd6", O: "#d0342c", F: "#2f8f4e", S: "#a37b00", Cl: "#2f8f4e", Br: "#9c4a1a", P: "#c76a00", I: "#7a3fa0" };
function formula(picture, at) {
  const bonds = picture.b.map(([i, j, order]) => {
    const [[x0, y0], [x1, y1]] = [at(picture.a[i]), at(picture.a[j])];
    const length = Math.hypot(x1 - x0, y1 - y0) || 1, [nx, ny] = [(-(y1 - y0) / length) * 2, ((x1 - x0) / length) * 2];
    const offsets = order === 3 ? [-1.6, 0, 1.6] : order === 2 ? [-0.9, 0.9] : [0];
    return offsets.map((o) => `<path d="M${x0 + nx * o} ${y0 + ny * o}L${x1 + nx * o} ${y1 + ny * o}" stroke="var(--ink)" stroke-width="1.5" stroke-linecap="round"/>`).join("");
  });
  const labels = picture.a.filter((atom) => atom[2]).map((atom) => {
    const [x, y] = at(atom), symbol = atom[2].match(/^[A-Z][a-z]?/)[0];
    const text = escaped(atom[2]).replace(/(\d+)(?=$|[+-])/, '<tspan baseline-shift="sub" font-size="8">$1</tspan>');
    return `<circle cx="${x}" cy="${y}" r="7.5" fill="var(--card)"/><text x="${x}" y="${y + 4}" text-anchor="middle" font-size="11.5" font-weight="600" style="fill:${dark() ? "var(--ink)" : ATOM_INK[symbol] || "var(--ink)"}">${text}</text>`;
  });
  return bonds.join("") + labels.join("");
}

function structure(picture, at, zoom) {
  const edges = (picture.c || []).map((edge) => { const [[x0, y0], [x1, y1]] = [at(edge), at(edge.slice(2))]; return `<path d="M${x0} ${y0}L${x1} ${y1}" stroke="var(--soft)" stroke-width="1" stroke-dasharray="3 2"/>`; });
  const atoms = [...picture.p].sort((a, b) => a[2] - b[2]).map((p) => {
    const [x, y] = at(p), [colour, radius] = data.companion.elements[picture.e[p[3]]];
    return `<circle cx="${x}" cy="${y}" r="${Math.max(2, Math.min(11, radius * 55 * zoom)).toFixed(1)}" fill="${colour}" stroke="#30363c" stroke-width=".8"/>`;
  });
  const key = picture.e.length > 8 ? "" : picture.e.map((symbol, i) => `<circle cx="${8 + i * 30}" cy="8" r="4.5" fill="${data.companion.elements[symbol][0]}" stroke="#30363c" stroke-width=".6"/><text x="${15 + i * 30}" y="12" font-size="10">${symbol}</text>`).join("");
  return edges.join("") + atoms.join("") + key;
}

function trace(picture, at) {
  return picture.p.slice(1).map((p, i) => {
    const [[x0, y0], [x1, y1]] = [at(picture.p[i]), at(p)];
    return `<path d="M${x0} ${y0}L${x1} ${y1}" stroke="${scale(0.25 + (0.75 * i) / picture.p.length)}" stroke-width="2.4" stroke-linecap="round"/>`;
  }).join("");
}

function makeMaps() {
  const maps = data.companion ? data.companion.maps : [];
  if (!maps.length) return;
  const node = section("maps", "Maps of the samples",
    "Two models side by side, over the same samples. Point at a sample: it is ringed in both maps, and lines lead to its nearest neighbours in the left model's full space. Where two models agree, the neighbours stay together on the right. Maps are turned to lie over each other; their axes mean nothing, and neighbourhoods, not distances on paper, are what alignment measures.");
  const splits = unique(maps.map((one) => one.split)), kinds = unique(maps.map((one) => one.method));
  const state = { split: splits[0], method: kinds[0], models: [], label: "" };
  const options = () => maps.filter((one) => one.split === state.split && one.method === state.method);
  const pair = () => state.models.map((model) => options().find((one) => one.model === model));
  const splitChoice = choice("split", splits.map((s) => [s, s]), (value) => { state.split = value; reset(); });
  const kindChoice = choice("map", kinds.map((m) => [m, m === "pca" ? "PCA" : "UMAP"]), (value) => { state.method = value; draw(); });
  const modelChoices = ["left", "right"].map((side, at) => choice(side, [], (value) => { state.models[at] = value; draw(); }));
  const labelChoice = choice("colour", [], (value) => { state.label = value; draw(); });
  const body = el("div", { class: "panes", id: "map-panes" });
  const key = el("div"), detail = el("div", { class: "detail", id: "map-detail", role: "status" });
  node.append(el("div", { class: "controls" }, splitChoice.node, ...modelChoices.map((one) => one.node), labelChoice.node, kinds.length > 1 ? kindChoice.node : null), key, body, detail);
  redraws.push(draw);
  reset();

  function fill(select, entries, value) {
    select.replaceChildren(...entries.map(([v, text]) => el("option", { value: v }, text)));
    select.value = value;
  }
  function reset() {
    const there = options().map((one) => one.model);
    const learned = there.filter((id) => !isControl(modelIndex.get(id)));
    const apart = learned.find((id) => models[modelIndex.get(id)].modality !== models[modelIndex.get(learned[0])].modality) || learned.find((id) => models[modelIndex.get(id)].family !== models[modelIndex.get(learned[0])].family);
    state.models = [learned[0] || there[0], apart || learned[1] || there[1] || there[0]];
    modelChoices.forEach((one, at) => fill(one.select, there.map((id) => [id, id]), state.models[at]));
    const labels = Object.entries(data.companion.samples[state.split].labels);
    state.label = labels.length ? labels[0][0] : "";
    fill(labelChoice.select, [...labels.map(([name, label]) => [name, label.meaning.length < 50 ? label.meaning : name]), ["", "nothing"]], state.label);
    draw();
  }
  function colours() {
    const label = data.companion.samples[state.split].labels[state.label];
    if (!label) { key.replaceChildren(); return () => "var(--accent)"; }
    const numbers = label.values.filter((v) => typeof v === "number").sort((x, y) => x - y);
    if (numbers.length) {
      // Between the 2nd and 98th percentile, so that one outlier does not take all the colour.
      const [low, high] = [numbers[Math.floor(numbers.length * 0.02)], numbers[Math.ceil(numbers.length * 0.98) - 1]];
      const svg = el("svg", { width: 260, height: 32, viewBox: "0 0 260 32", role: "img", "aria-label": `Colour from ${tickText(low)} to ${tickText(high)}` });
      svg.innerHTML = Array.from({ length: 50 }, (_, i) => `<rect x="${i * 5.2}" width="5.5" height="12" fill="${scale(0.12 + (0.88 * i) / 49)}"/>`).join("") + `<text y="27" font-size="11">${tickText(low)}</text><text x="260" y="27" text-anchor="end" font-size="11">${tickText(high)} ${label.unit === "1" ? "" : escaped(label.unit)}</text>`;
      key.replaceChildren(svg);
      return (at) => (typeof label.values[at] === "number" ? scale(0.12 + (0.88 * (label.values[at] - low)) / (high - low || 1)) : "var(--line)");
    }
    const tally = new Map();
    label.values.forEach((v) => tally.set(v, (tally.get(v) || 0) + 1));
    const common = [...tally].sort((x, y) => y[1] - x[1]).slice(0, MUTED.length - 1).map(([v]) => v);
    key.replaceChildren(legend([...common.map((v, i) => [MUTED[i], v === null ? "not known" : String(v)]), ...(tally.size > common.length ? [["#8a8f94", "other"]] : [])]));
    return (at) => (common.includes(label.values[at]) ? MUTED[common.indexOf(label.values[at])] : "#8a8f94");
  }

  function draw() {
    const colour = colours();
    const panes = pair().map((one, side) => {
      const pane = el("div", { class: "pane" });
      if (!one) return { pane };
      const [rows, flat] = [unpack(one.rows), unpack(one.points)];
      const where = new Map(Array.from(rows, (row, at) => [row, [20 + flat[2 * at] * 0.036, 20 + (10000 - flat[2 * at + 1]) * 0.036]]));
      const radius = rows.length > 600 ? 2.6 : rows.length > 200 ? 3.3 : 4.5;
      const svg = el("svg", { viewBox: "0 0 400 400", tabindex: 0, role: "application", "aria-label": `Map of ${rows.length} samples by ${one.model}; arrow keys step through the samples` });
      svg.innerHTML = [...where].map(([row, [x, y]]) => `<circle class="sample" data-row="${row}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${colour(row)}" stroke="var(--card)" stroke-width=".4"/>`).join("") + '<g class="mark" pointer-events="none"></g>';
      const share = one.explained ? `, ${Math.round(100 * (one.explained[0] + one.explained[1]))} % of the variance` : "";
      pane.append(el("b", {}, one.model), el("span", { class: "soft" }, ` ${one.method === "pca" ? "PCA" : "UMAP"}${share}`), svg);
      return { pane, svg, where, rows, one, side };
    });
    body.replaceChildren(...panes.map((one) => one.pane));
    detail.innerHTML = '<span class="soft">Point at a sample to see it here.</span>';
    const order = panes[0].rows ? Array.from(panes[0].rows) : [];
    let step = -1;
    const near = panes[0].one && maps.find((one) => one.split === state.split && one.model === state.models[0] && one.near);
    const nearRows = near ? [unpack(near.rows), unpack(near.near)] : null;
    const neighbours = (row) => {
      if (!nearRows) return [];
      const at = nearRows[0].indexOf(row), k = nearRows[1].length / nearRows[0].length;
      return at < 0 ? [] : Array.from(nearRows[1].slice(at * k, (at + 1) * k), (n) => nearRows[0][n]);
    };
    function mark(row) {
      panes.forEach((one) => {
        if (!one.svg) return;
        const spot = one.where.get(row), group = one.svg.querySelector(".mark");
        group.innerHTML = !spot ? "" : neighbours(row).map((other) => one.where.get(other)).filter(Boolean).map(([x, y]) => `<path d="M${spot[0]} ${spot[1]}L${x} ${y}" stroke="var(--ink)" stroke-width=".9" opacity=".6"/><circle cx="${x}" cy="${y}" r="5.5" fill="none" stroke="var(--ink)" stroke-width="1.2"/>`).join("") + `<circle cx="${spot[0]}" cy="${spot[1]}" r="8.5" fill="none" stroke="var(--ink)" stroke-width="2.6"/>`;
      });
      const samples = data.companion.samples[state.split];
      const values = Object.entries(samples.labels).filter(([, label]) => label.values[row] !== null).slice(0, 8).map(([name, label]) => [escaped(name), `${escaped(label.values[row])} ${label.unit === "1" || label.unit === "text" ? "" : escaped(label.unit)}`]);
      detail.innerHTML = `<div style="display:flex;flex-wrap:wrap;gap:1rem"><div>${drawing(samples.pictures[row])}</div><div style="flex:1 1 14rem;min-width:0"><b class="mono">${escaped(samples.ids[row])}</b><div style="overflow-wrap:anywhere">${escaped(samples.captions[row])}</div>${list(values)}${list([["nearest here", neighbours(row).slice(0, 4).map((n) => escaped(samples.captions[n].slice(0, 40))).join("; ")]])}</div></div>`;
    }
    panes.forEach((one) => {
      if (!one.svg) return;
      one.svg.addEventListener("mousemove", (event) => {
        const frame = one.svg.getBoundingClientRect(), zoom = 400 / frame.width;
        const [mx, my] = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
        let best = null, reach = 14 ** 2;
        one.where.forEach(([x, y], row) => { const d = (x - mx) ** 2 + (y - my) ** 2; if (d < reach) { best = row; reach = d; } });
        if (best !== null) mark(best);
      });
      one.svg.addEventListener("keydown", (event) => {
        const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!move || !order.length) return;
        event.preventDefault();
        step = (step + move + order.length) % order.length;
        mark(order[step]);
      });
    });
  }
}
