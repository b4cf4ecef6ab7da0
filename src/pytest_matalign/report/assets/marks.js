// Marks shared by the figures: a plane of points, and lines of values with their intervals.

const SHAPES = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
  (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  (x, y, r) => `M${x} ${y - 1.3 * r}L${x + 1.2 * r} ${y + r}H${x - 1.2 * r}Z`,
  (x, y, r) => `M${x} ${y - 1.35 * r}L${x + 1.35 * r} ${y}L${x} ${y + 1.35 * r}L${x - 1.35 * r} ${y}Z`,
  (x, y, r) => `M${x} ${y + 1.3 * r}L${x + 1.2 * r} ${y - r}H${x - 1.2 * r}Z`,
];

function ticksOf(low, high, about = 5) {
  const rough = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const ticks = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-6; t += step) ticks.push(Number(t.toPrecision(10)));
  return ticks;
}
const tickText = (value) => String(Number(value.toPrecision(6)));
function spread(values, pad = 0.06) {
  const [low, high] = [values.reduce((m, v) => Math.min(m, v), Infinity), values.reduce((m, v) => Math.max(m, v), -Infinity)];
  const room = (high - low || Math.abs(high) || 1) * pad;
  return [low - room, high + room];
}

// points: {x, y, colour, shape, tip, name, low?, high?}; the nearest within reach is shown.
function plane(points, options) {
  const width = Math.max(300, Math.min(options.width || 600, room())), height = Math.min(options.height || 430, width);
  const box = { left: 58, right: width - 14, top: 12, bottom: height - 46 };
  const [xs, ys] = [options.x || spread(points.map((p) => p.x)), options.y || spread(points.map((p) => p.y))];
  const px = (v) => box.left + ((v - xs[0]) / (xs[1] - xs[0])) * (box.right - box.left);
  const py = (v) => box.bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (box.bottom - box.top);
  const parts = [];
  ticksOf(...xs).forEach((t) => parts.push(`<path class="grid" d="M${px(t)} ${box.top}V${box.bottom}"/><text class="soft" x="${px(t)}" y="${box.bottom + 16}" text-anchor="middle" font-size="11">${tickText(t)}</text>`));
  ticksOf(...ys).forEach((t) => parts.push(`<path class="grid" d="M${box.left} ${py(t)}H${box.right}"/><text class="soft" x="${box.left - 7}" y="${py(t) + 4}" text-anchor="end" font-size="11">${tickText(t)}</text>`));
  if (options.diagonal) {
    const [from, to] = [Math.max(xs[0], ys[0]), Math.min(xs[1], ys[1])];
    parts.push(`<path d="M${px(from)} ${py(from)}L${px(to)} ${py(to)}" stroke="var(--soft)" stroke-width="1" stroke-dasharray="5 4"/>`);
  }
  (options.words || []).forEach(([x, y, text, anchor]) => parts.push(`<text class="soft" font-style="italic" x="${px(x)}" y="${py(y)}" text-anchor="${anchor || "middle"}" font-size="12">${text}</text>`));
  const radius = options.radius || (points.length > 300 ? 3 : 5);
  points.forEach((p) => {
    if (p.low !== undefined && p.low !== null) parts.push(`<path d="M${px(p.x)} ${py(p.low)}V${py(p.high)}" stroke="${p.colour}" stroke-width="1.4" opacity=".55"/>`);
    parts.push(`<path class="point" d="${SHAPES[p.shape || 0](px(p.x), py(p.y), radius)}" fill="${p.colour}" fill-opacity=".82" stroke="var(--card)" stroke-width=".7"/>`);
    if (p.text) parts.push(`<text x="${px(p.x) + radius + 3}" y="${py(p.y) + 4}" font-size="11">${escaped(p.text)}</text>`);
  });
  parts.push(`<text x="${(box.left + box.right) / 2}" y="${height - 8}" text-anchor="middle" font-size="12.5">${escaped(options.xLabel)}</text>`);
  parts.push(`<text transform="translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)" text-anchor="middle" font-size="12.5">${escaped(options.yLabel)}</text>`);
  parts.push('<circle class="ring" r="9" fill="none" stroke="var(--ink)" stroke-width="2" visibility="hidden"/>');
  const svg = el("svg", { width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application",
    "aria-label": `${options.label}: ${points.length} points; arrow keys step through them` });
  svg.innerHTML = parts.join("");
  const ring = svg.querySelector(".ring");
  const byX = points.map((_, i) => i).sort((i, j) => points[i].x - points[j].x);
  let step = -1;
  const put = (p, clientX, clientY) => {
    ring.setAttribute("cx", px(p.x)); ring.setAttribute("cy", py(p.y)); ring.setAttribute("visibility", "visible");
    showTip(p.tip(), clientX, clientY);
  };
  const drop = () => { ring.setAttribute("visibility", "hidden"); hideTip(); };
  svg.addEventListener("mousemove", (event) => {
    const frame = svg.getBoundingClientRect(), zoom = width / frame.width;
    const [mx, my] = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
    let best = null, reach = 18 ** 2;
    points.forEach((p) => { const d = (px(p.x) - mx) ** 2 + (py(p.y) - my) ** 2; if (d < reach) { best = p; reach = d; } });
    if (best) put(best, event.clientX, event.clientY); else drop();
  });
  svg.addEventListener("mouseleave", drop);
  svg.addEventListener("blur", drop);
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!move || !points.length) return;
    event.preventDefault();
    step = (step + move + points.length) % points.length;
    const p = points[byX[step]], frame = svg.getBoundingClientRect(), zoom = frame.width / width;
    put(p, frame.left + px(p.x) * zoom, frame.top + py(p.y) * zoom);
    say(p.tip());
  });
  return el("div", { class: "scroll" }, svg);
}

// lines: {text, italic, marks: [{x, low, high, shape, colour, hollow, thin, tip}]}
function ladder(lines, options) {
  const step = 23, left = 14 + 7 * Math.max(8, ...lines.map((line) => line.text.length));
  const width = Math.max(left + 170, Math.min(room(), 820)), height = lines.length * step + 52;
  const all = lines.flatMap((line) => line.marks.flatMap((m) => [m.x, m.low ?? m.x, m.high ?? m.x]));
  const xs = options.x || spread(all);
  const px = (v) => left + ((v - xs[0]) / (xs[1] - xs[0])) * (width - left - 16);
  const parts = [];
  ticksOf(...xs, 6).forEach((t) => parts.push(`<path class="grid" d="M${px(t)} 6V${height - 40}"/><text class="soft" x="${px(t)}" y="${height - 25}" text-anchor="middle" font-size="11">${tickText(t)}</text>`));
  const spots = [];
  lines.forEach((line, row) => {
    const y = 18 + row * step;
    parts.push(`<text x="${left - 8}" y="${y + 4}" text-anchor="end" font-size="12"${line.italic ? ' class="soft" font-style="italic"' : ""}>${escaped(line.text)}</text>`);
    line.marks.forEach((m) => {
      if (m.low !== undefined && m.low !== null) parts.push(`<path d="M${px(m.low)} ${y}H${px(m.high)}" stroke="${m.colour}" stroke-width="${m.thin ? 1.5 : 5}" stroke-linecap="round" opacity="${m.thin ? 0.9 : 0.28}"/>`);
      parts.push(`<path class="point" d="${SHAPES[m.shape || 0](px(m.x), y, 5)}" fill="${m.hollow ? "var(--card)" : m.colour}" stroke="${m.hollow ? m.colour : "var(--card)"}" stroke-width="${m.hollow ? 1.8 : 0.8}"/>`);
      spots.push({ x: px(m.x), y, tip: m.tip });
    });
  });
  parts.push(`<text x="${(left + width) / 2}" y="${height - 6}" text-anchor="middle" font-size="12.5">${escaped(options.xLabel)}</text>`);
  const svg = el("svg", { width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application",
    "aria-label": `${options.label}: ${lines.length} lines; arrow keys step through the marks` });
  svg.innerHTML = parts.join("");
  svg.addEventListener("mousemove", (event) => {
    const frame = svg.getBoundingClientRect(), zoom = width / frame.width;
    const [mx, my] = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
    const near = spots.filter((s) => Math.abs(s.y - my) < step / 2).sort((a, b) => Math.abs(a.x - mx) - Math.abs(b.x - mx))[0];
    if (near) showTip(near.tip(), event.clientX, event.clientY); else hideTip();
  });
  svg.addEventListener("mouseleave", hideTip);
  svg.addEventListener("blur", hideTip);
  let at = -1;
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!move || !spots.length) return;
    event.preventDefault();
    at = (at + move + spots.length) % spots.length;
    const frame = svg.getBoundingClientRect(), zoom = frame.width / width;
    showTip(spots[at].tip(), frame.left + spots[at].x * zoom, frame.top + spots[at].y * zoom);
    say(spots[at].tip());
  });
  return el("div", { class: "scroll" }, svg);
}
