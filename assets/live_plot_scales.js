// What the plot's numbers mean: texts -> columns of numbers, limits of the axes, ticks, numbers as words.
// Put before live_plot.js, which declares `rates` and `state`.

const MEASURES = ["loss", "accuracy"];
// A loss this many times above where its run began is divergence, not a part of the picture.
const DIVERGED = { linear: 2.5, log: 100 };
// Below this, in nats, nothing is cut off: a run that goes on from a small loss may well overfit to 1.
const NEVER_CUT = 3;
// Between the axes and the border of a canvas, in pixels; below there is room for steps, or for steps and epochs.
const EDGE = { left: 48, right: 54, top: 14, step: 24, epoch: 42 };

// ---------------------------------------------------------------- reading

// "12,0.34,,inf;": nothing is a value that was not measured (null); "nan" and "inf" are NaN here, not finite.
function readPoints(text, names) {
  const columns = Object.fromEntries(names.map((name) => [name, []]));
  for (const record of (text || "").split(";")) {
    if (!record) continue;
    record.split(",").forEach((word, i) => columns[names[i]].push(word === "" ? null : Number(word)));
  }
  return columns;
}

function readRun(run, i, all) {
  const training = readPoints(run.training + run.training_newest, ["x", "loss", "accuracy", "rate"]);
  const validation = readPoints(run.validation + run.validation_newest, ["x", "loss", "accuracy"]);
  const before = all.slice(0, i).filter((other) => other.name === run.name).length; // two runs may share a name
  const { name, colour, total, epoch } = run;
  return { key: `${before} ${name}`, name, colour, total, epoch, training, validation };
}

function readValue() {
  const value = props.value || {};
  if (rates) {
    const training = readPoints(value.points, ["x", "loss"]);
    state.suggested = value.suggested ?? null;
    const validation = readPoints("", ["x", "loss"]);
    state.runs = training.x.length ? [{ key: "", name: words.column_loss, colour: 0, training, validation }] : [];
  } else {
    state.runs = (value.runs || []).map(readRun);
  }
  state.version += 1;
}

const shownRuns = () => state.runs.filter((run) => !state.hidden.has(run.key) && run.training.x.length);
const last = (list) => list[list.length - 1];

// Where it was measured; what was not is bridged.
function curveOf(run, kind, measure) {
  const { x, [measure]: y } = run[kind];
  return { run, kind, x: x.filter((_, i) => y[i] !== null), y: y.filter((value) => value !== null) };
}

function curvesOf(run, measure) {
  return ["training", "validation"].map((kind) => curveOf(run, kind, measure)).filter((curve) => curve.x.length);
}

// Index of the x nearest to the one asked for; xs rise.
function nearest(xs, x) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle; else high = middle;
  }
  return xs.length && Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}

// The value nearest to x; undefined after the end of the run.
function valueAt(curve, x) {
  const end = curve.run.training.x, spacing = end.length > 1 ? last(end) - end[end.length - 2] : 0;
  if (!curve.x.length || x > last(end) + spacing) return undefined;
  return curve.y[nearest(curve.x, x)];
}

// ---------------------------------------------------------------- scales

const forward = (log, value) => (log ? Math.log10(value) : value);

function niceStep(span, count) {
  const rough = span / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough)), share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

function linearTicks(low, high, count, whole) {
  const step = Math.max(niceStep(high - low || 1, count), whole ? 1 : 0), ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

// 1, 2, 5 of each decade where there is room, else 1, else every few decades.
function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  const digits = decades * 3 <= count + 1 ? [1, 2, 5] : decades * 2 <= count ? [1, 3] : [1];
  const skip = digits.length > 1 ? 1 : Math.max(1, Math.ceil(decades / count)), ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % skip) continue;
    for (const digit of digits) {
      const tick = Number((digit * 10 ** power).toPrecision(6));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

// Outwards to a 1, 2 or 5 times a power of ten.
function roundLog(value, up) {
  const power = 10 ** Math.floor(Math.log10(value)), share = value / power;
  const digit = up ? [1, 2, 5, 10].find((d) => d >= share * 0.999) : [5, 2, 1].find((d) => d <= share * 1.001);
  return power * digit;
}

function xLimits(runs) {
  if (!rates) return [0, Math.max(1, ...runs.map((run) => Math.max(run.total, last(run.training.x))))];
  return runs.length ? [runs[0].training.x[0], last(runs[0].training.x)] : [1e-4, 1];
}

function lossLimits(runs, log) {
  const first = (values) => values.find(Number.isFinite) ?? -Infinity;
  const starts = runs
    .map((run) => Math.max(first(run.training.loss), first(run.validation.loss)))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  // the middle run, so that one that diverged before its first record does not set the scale for all
  const start = starts.length ? starts[(starts.length - 1) >> 1] : 1;
  const cut = rates ? finderCut(runs, start) : Math.max(NEVER_CUT, start * (log ? DIVERGED.log : DIVERGED.linear));
  let low = Infinity, high = -Infinity;
  for (const run of runs) {
    for (const value of [...run.training.loss, ...run.validation.loss]) {
      if (!Number.isFinite(value) || value > cut || (log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (high === -Infinity) return [log ? 0.1 : 0, 1];
  if (log) return widened(roundLog(Math.max(low, high * 1e-6), false), roundLog(high, true));
  const room = (high - low) * 0.05 || 1e-6;
  // 0 is part of the picture, except for the finder's curve: there only the shape matters
  return rates ? [Math.max(0, low - room), high + room] : [Math.min(0, low), high + room];
}

// The way down fills most of the panel, the explosion that follows it leaves the picture.
function finderCut(runs, start) {
  const lowest = Math.min(...runs.flatMap((run) => run.training.loss).filter(Number.isFinite));
  return start + Math.max((start - lowest) * 0.6, start * 0.1);
}

const widened = (low, high) => (high > low ? [low, high] : [low / 2, high * 2]);

// The rectangle inside the axes, and where a value lies in it.
function frameOf(panel, epoch) {
  const { clientWidth: width, clientHeight: height } = panel.canvas;
  const left = EDGE.left, right = width - (rates ? 16 : EDGE.right), top = rates ? 34 : EDGE.top;
  const bottom = height - (epoch ? EDGE.epoch : EDGE.step);
  const [xLow, xHigh] = panel.shown.x, [yLow, yHigh] = panel.shown.y;
  const x = (value) => left + ((forward(rates, value) - xLow) / (xHigh - xLow)) * (right - left);
  const y = (value) => {
    const at = panel.log && value <= 0 ? yLow : forward(panel.log, value); // 0 lies at the bottom of a logarithmic axis
    return bottom - ((at - yLow) / (yHigh - yLow)) * (bottom - top);
  };
  return { left, right, top, bottom, width, x, y };
}

// A text in the visitor's language, its places `{name}` filled in; what is filled in may have braces of its own.
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Decimals by size, so that the digits of a growing number stay where they are.
function short(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return words.not_finite;
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return brief(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

// Ticks and rates: no zeros at the end.
function brief(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-4)) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return Number(value.toPrecision(3)).toString();
}

const percent = (share) => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–");
const count = (value) => Math.round(value).toLocaleString("en");
const asText = (measure, value) => (measure === "accuracy" ? percent(value) : short(value));
