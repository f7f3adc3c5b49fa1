// Curves that grow: loss and accuracy of several runs against steps, or loss against the learning rate (props.kind).
//
// Together with live_plot_scales.js and live_plot_drawing.js, which come before it, the js_on_load of a gr.HTML:
// `element`, `props` and `watch` come from Gradio, the values and `words` from demo/live_plot.py.
// Names of runs are texts of people: they reach the page through textContent and fillText only.

const SAY_EVERY_MS = 3000;
const TABLE_ROWS = 12; // of each run

const rates = props.kind === "rates";
const root = element.querySelector(".pl-plot");
const state = { runs: [], version: 0, hidden: new Set(), emphasis: null, cursor: null, suggested: null };

// ---------------------------------------------------------------- page

function add(parent, tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name.split(" ").map((part) => `pl-plot-${part}`).join(" ");
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// The first `count` children of the parent, made where missing; what is too many goes.
function children(parent, count, make) {
  while (parent.children.length < count) make(parent);
  while (parent.children.length > count) parent.lastElementChild.remove();
  return [...parent.children];
}

const top = add(root, "div", "top");
const legend = add(top, "ul", "legend");
top.hidden = rates;
legend.setAttribute("aria-label", words.legend);
const key = add(top, "div", "key");
for (const [kind, dashed] of [["training", ""], ["validation", " dashed"]]) {
  const entry = add(key, "span");
  add(entry, "span", `sample${dashed}`);
  entry.append(words[kind]);
}
const panels = add(root, "div", "panels");
const plots = rates
  ? [makePanel("loss", words.loss_by_rate)]
  : MEASURES.map((measure) => makePanel(measure, words[measure]));
const said = add(root, "p", "said");
said.setAttribute("aria-live", "polite");
const values = add(root, "details", "values");
add(values, "summary", "", words.table_title);
const scroll = add(values, "div", "scroll");
scroll.tabIndex = 0;
const table = add(scroll, "table");
table.setAttribute("aria-label", words.table);
const tableHead = add(add(table, "thead"), "tr");
const tableBody = add(table, "tbody");

function makePanel(measure, title) {
  const figure = add(panels, "figure", "panel"), head = add(figure, "figcaption", "head");
  add(head, "span", "", title);
  const panel = { measure, title, log: false, shown: null, target: null, from: null, since: 0 };
  if (measure === "loss" && !rates) {
    const button = add(head, "button", "button scale", words.log_scale);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      panel.log = !panel.log;
      panel.shown = null;
      button.setAttribute("aria-pressed", String(panel.log));
      schedule();
    });
  }
  const area = add(figure, "div", "area");
  panel.canvas = add(area, "canvas", "canvas");
  panel.hint = add(area, "p", "hint");
  panel.tip = add(area, "div", "tip");
  panel.tip.hidden = true;
  panel.tipTitle = add(panel.tip, "p");
  const tipTable = add(panel.tip, "table");
  panel.tipHead = add(add(tipTable, "thead"), "tr");
  panel.tipBody = add(tipTable, "tbody");
  listen(panel);
  return panel;
}

// ---------------------------------------------------------------- legend

function updateLegend() {
  const items = children(legend, state.runs.length, (parent) => {
    const button = add(add(parent, "li"), "button", "button");
    button.type = "button";
    add(button, "span", "sample");
    add(button, "span", "name");
    button.addEventListener("click", () => {
      const { key } = button;
      if (!state.hidden.delete(key)) state.hidden.add(key);
      changed();
    });
    for (const [event, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
      button.addEventListener(event, () => {
        state.emphasis = on ? button.key : null;
        schedule();
      });
    }
  });
  items.forEach((item, i) => {
    const run = state.runs[i], button = item.firstElementChild, [sample, name] = button.children;
    const hidden = state.hidden.has(run.key);
    button.key = run.key;
    button.setAttribute("aria-pressed", String(!hidden));
    button.title = fill(hidden ? words.show : words.hide, run);
    sample.style.color = `var(--pl-plot-run-${run.colour})`;
    say(name, run.name);
  });
}

// ---------------------------------------------------------------- cursor

// All recorded steps of the visible runs, in order.
function steps() {
  return [...new Set(shownRuns().flatMap((run) => run.training.x))].sort((a, b) => a - b);
}

function moveCursor(x) {
  if (x === state.cursor) return;
  state.cursor = x;
  schedule();
}

function listen(panel) {
  const { canvas } = panel;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", fill(words.read_by_keys, panel));
  const point = (event) => {
    const xs = steps(), frame = panel.frame;
    if (!xs.length || !frame) return;
    const share = (event.clientX - canvas.getBoundingClientRect().left - frame.left) / (frame.right - frame.left);
    const [low, high] = panel.shown.x, at = low + share * (high - low);
    moveCursor(xs[nearest(xs, rates ? 10 ** at : at)]);
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  // a finger that was lifted leaves the cursor there, to be read
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && moveCursor(null));
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && moveCursor(last(steps()) ?? null));
  canvas.addEventListener("blur", () => moveCursor(null));
  canvas.addEventListener("keydown", (event) => {
    const xs = steps(), many = Math.max(1, Math.round(xs.length / 10));
    const back = { ArrowLeft: -1, ArrowDown: -1, PageDown: -many, Home: -Infinity };
    const by = { ...back, ArrowRight: 1, ArrowUp: 1, PageUp: many, End: Infinity }[event.key];
    if (event.key === "Escape") moveCursor(null);
    if (by === undefined || !xs.length) return;
    event.preventDefault();
    const from = state.cursor === null ? xs.length - 1 : nearest(xs, state.cursor);
    moveCursor(xs[Math.min(xs.length - 1, Math.max(0, from + by))]);
  });
}

// "step 1,240 · epoch 18.2"
function place(x, runs) {
  if (rates) return fill(words.rate_place, { rate: brief(x) });
  const epoch = commonEpoch(runs), step = count(x);
  return epoch ? fill(words.step_and_epoch, { step, epoch: (x / epoch).toFixed(1) }) : fill(words.step, { step });
}

function commonEpoch(runs) {
  const epoch = runs.length ? runs[0].epoch : null;
  return epoch && runs.every((run) => run.epoch === epoch) ? epoch : null;
}

function updateTip(panel, runs) {
  const { tip, canvas, measure, frame } = panel, x = state.cursor;
  tip.hidden = x === null || !runs.length;
  if (tip.hidden) {
    const at = runs.length ? last(last(runs).training.x) : xLimits(runs)[0];
    setSlider(canvas, runs, at, runs.length ? place(at, runs) : words.no_values);
    return;
  }
  const kinds = runs.some((run) => run.validation.x.length) ? ["training", "validation"] : ["training"];
  const alone = runs.length === 1 && measure === "loss" && !rates;
  const rate = alone ? valueAt(curveOf(runs[0], "training", "rate"), x) : null;
  say(panel.tipTitle, place(x, runs) + (rate ? ` · ${fill(words.rate, { rate: brief(rate) })}` : ""));
  const heads = children(panel.tipHead, kinds.length + 1, (row) => add(row, "th"));
  heads.forEach((cell, i) => say(cell, i && !rates ? words[kinds[i - 1]] : ""));
  const rows = children(panel.tipBody, runs.length, (body) => {
    const first = add(add(body, "tr"), "td");
    add(first, "span", "sample");
    add(first, "span", "name");
  });
  const spoken = rows.map((row, i) => {
    const run = runs[i], texts = kinds.map((kind) => asText(measure, valueAt(curveOf(run, kind, measure), x)));
    const cells = children(row, kinds.length + 1, (parent) => add(parent, "td"));
    const [sample, name] = cells[0].children;
    sample.style.color = `var(--pl-plot-run-${run.colour})`;
    say(name, run.name);
    texts.forEach((text, k) => say(cells[k + 1], text));
    if (rates) return fill(words.loss_value, { value: texts[0] });
    const values = kinds.map((kind, k) => `${words[kind]} ${texts[k]}`).join(", ");
    return fill(words.curves, { name: run.name, values });
  });
  // beside the cursor where there is room, on the side where the curves are not: loss falls, accuracy rises
  const at = frame.x(x), wide = tip.offsetWidth, left = at + 12 + wide <= frame.width ? at + 12 : at - 12 - wide;
  tip.style.left = `${Math.max(0, Math.min(left, frame.width - wide))}px`;
  tip.style.top = measure === "loss" && !rates ? "8px" : `${frame.bottom - tip.offsetHeight - 8}px`;
  setSlider(canvas, runs, x, `${place(x, runs)}. ${spoken.join(". ")}`);
}

function setSlider(canvas, runs, now, text) {
  const [min, max] = xLimits(runs);
  for (const [name, value] of Object.entries({ min, max, now, text })) canvas.setAttribute(`aria-value${name}`, value);
}

// ---------------------------------------------------------------- words

let saidAt = -Infinity, sayLater = 0;

// At most one sentence in a few seconds; the last state is always said.
function updateWords() {
  const wait = saidAt + SAY_EVERY_MS - performance.now();
  if (sayLater) return;
  if (wait > 0) {
    sayLater = setTimeout(() => { sayLater = 0; updateWords(); }, wait);
    return;
  }
  say(said, newest());
  if (said.textContent) saidAt = performance.now();
  if (values.open) fillTable();
}

function newest() {
  const run = last(shownRuns());
  if (!run) return "";
  if (rates) return state.suggested ? fill(words.suggested_rate, { rate: brief(state.suggested) }) : "";
  const parts = MEASURES.flatMap((measure) =>
    curvesOf(run, measure).map((curve) => `${words[`${curve.kind}_${measure}`]} ${asText(measure, last(curve.y))}`));
  const step = count(last(run.training.x)), total = count(run.total);
  return fill(words.newest, { name: run.name, step, total, values: parts.join(", ") });
}

function fillTable() {
  const runs = shownRuns(), epoch = commonEpoch(runs);
  const measured = MEASURES.flatMap((measure) => [words[`training_${measure}`], words[`validation_${measure}`]]);
  const ofRuns = [words.column_run, words.column_step, ...(epoch ? [words.column_epoch] : []), ...measured];
  const heads = rates ? [words.column_rate, words.column_loss] : ofRuns;
  const rows = runs.flatMap((run) => {
    const xs = run.validation.x.length ? run.validation.x : run.training.x, chosen = new Set();
    const stride = Math.max(1, (xs.length - 1) / (TABLE_ROWS - 1));
    for (let i = 0; i < xs.length; i += stride) chosen.add(xs[Math.round(i)]);
    chosen.add(last(run.training.x));
    return [...chosen].map((x) => {
      if (rates) return [brief(x), short(valueAt(curvesOf(run, "loss")[0], x))];
      const numbers = MEASURES.flatMap((measure) =>
        ["training", "validation"].map((kind) => asText(measure, valueAt(curveOf(run, kind, measure), x))));
      return [run.name, count(x), ...(epoch ? [(x / epoch).toFixed(1)] : []), ...numbers];
    });
  });
  const headCells = children(tableHead, heads.length, (row) => add(row, "th"));
  headCells.forEach((cell, i) => {
    cell.scope = "col";
    say(cell, heads[i]);
  });
  children(tableBody, rows.length, (body) => add(body, "tr")).forEach((row, r) =>
    children(row, heads.length, (parent) => add(parent, "td")).forEach((cell, i) => say(cell, rows[r][i])));
}

values.addEventListener("toggle", () => values.open && fillTable());

// ---------------------------------------------------------------- what may change

function changed() {
  updateLegend();
  updateWords();
  schedule();
}

function received() {
  readValue();
  changed();
}

const sized = new ResizeObserver(() => draw(performance.now())); // before the frame is painted: never stretched
for (const panel of plots) sized.observe(panel.canvas);
// the dark switch is a class on the body or on Gradio's container
const switched = new MutationObserver(() => (root.isConnected ? schedule() : switched.disconnect()));
for (const node of [document.documentElement, document.body, element.closest(".gradio-container")]) {
  if (node) switched.observe(node, { attributes: true, attributeFilter: ["class"] });
}
watch("value", received);
received();
