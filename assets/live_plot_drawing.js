// The plot's canvases: one frame at a time, only after something has changed.
// Put before live_plot.js, which declares `rates`, `root`, `state`, `plots` and `key`.

const EASE_MS = 280;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let waiting = 0, drawnVersion = -1, drawnStates = 0;

function schedule() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}

function draw(now) {
  if (waiting) cancelAnimationFrame(waiting);
  waiting = 0;
  // in a hidden tab; the ResizeObserver draws when it is shown
  if (!plots.some((panel) => panel.canvas.clientWidth)) return;
  const look = readLook(), runs = shownRuns();
  if (state.cursor !== null && !runs.length) state.cursor = null;
  const moving = plots.map((panel) => drawPanel(panel, runs, look, now)).some(Boolean);
  if (drawnVersion !== state.version) {
    drawnVersion = state.version;
    drawnStates += 1;
    root.dataset.drawn = drawnStates;
    root.dataset.runs = runs.length;
    root.dataset.step = runs.length ? last(last(runs).training.x) : "";
  }
  if (moving) schedule();
}

function readLook() {
  const css = getComputedStyle(root), named = (name) => css.getPropertyValue(name).trim();
  return {
    font: css.fontFamily,
    ink: css.color,
    quiet: getComputedStyle(key).color,
    grid: named("--border-color-primary"),
    ground: css.backgroundColor,
    run: (index) => named(`--pl-plot-run-${index}`),
  };
}

// Limits slide to where they should be; a frame more is wanted while they do.
function ease(panel, target, now) {
  const goal = { x: target.x.map((v) => forward(rates, v)), y: target.y.map((v) => forward(panel.log, v)) };
  if (!panel.shown || calm.matches) {
    panel.shown = panel.target = panel.from = goal;
    return false;
  }
  if (JSON.stringify(goal) !== JSON.stringify(panel.target)) {
    panel.from = panel.shown;
    panel.target = goal;
    panel.since = now;
  }
  const share = Math.min(1, Math.max(0, (now - panel.since) / EASE_MS)), eased = 1 - (1 - share) ** 3;
  if (share === 1) {
    panel.shown = goal;
    return false;
  }
  const between = (axis) => panel.from[axis].map((v, i) => v + (goal[axis][i] - v) * eased);
  panel.shown = { x: between("x"), y: between("y") };
  return true;
}

function drawPanel(panel, runs, look, now) {
  const { measure } = panel, pen = sizedPen(panel.canvas);
  updateHint(panel, runs);
  const target = { x: xLimits(runs), y: measure === "loss" ? lossLimits(runs, panel.log) : [0, 1] };
  if (!runs.length || panel.empty) panel.shown = null; // nothing to slide from
  panel.empty = !runs.length;
  const moving = ease(panel, target, now);
  const epoch = commonEpoch(runs), frame = frameOf(panel, epoch);
  panel.frame = frame;
  drawAxes(pen, panel, target, epoch, look);
  if (rates && state.suggested && runs.length) drawSuggestion(pen, frame, look);
  if (state.cursor !== null) drawCursorLine(pen, frame, look);
  const curves = runs.flatMap((run) => curvesOf(run, measure));
  // validation above training, the run that one points at above the others
  const layer = (curve) => (curve.kind === "validation") + 2 * (curve.run.key === state.emphasis);
  curves.sort((a, b) => layer(a) - layer(b));
  for (const curve of curves) drawCurve(pen, curve, frame, look, runs.length > 1);
  if (!rates) drawEnds(pen, panel, curves, frame, look);
  if (state.cursor !== null) drawDots(pen, curves, state.cursor, frame, look);
  if (rates && state.suggested && state.cursor === null) drawDots(pen, curves, state.suggested, frame, look);
  updateTip(panel, runs);
  return moving;
}

// Empty, in CSS pixels, as sharp as the screen.
function sizedPen(canvas) {
  const { clientWidth, clientHeight } = canvas, ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
  const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, clientWidth, clientHeight);
  return pen;
}

function updateHint(panel, runs) {
  const some = state.runs.some((run) => run.training.x.length);
  say(panel.hint, runs.length || panel !== plots[0] ? "" : some ? words.all_hidden : props.hint || "");
  panel.hint.hidden = !panel.hint.textContent;
}

function drawAxes(pen, panel, target, epoch, look) {
  const { frame, measure } = panel, [xLow, xHigh] = target.x, [yLow, yHigh] = target.y;
  const across = Math.max(2, Math.floor((frame.right - frame.left) / 70));
  const up = Math.max(3, Math.floor((frame.bottom - frame.top) / 42));
  pen.font = `12px ${look.font}`;
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const tick of (panel.log ? logTicks : linearTicks)(yLow, yHigh, measure === "accuracy" ? 5 : up)) {
    const y = Math.round(frame.y(tick)) + 0.5;
    if (y < frame.top - 1 || y > frame.bottom + 2) continue; // on its way in
    line(pen, look.grid, frame.left, y, frame.right, y);
    pen.fillStyle = look.quiet;
    pen.fillText(measure === "accuracy" ? `${Math.round(tick * 100)} %` : brief(tick), frame.left - 8, y);
  }
  line(pen, look.quiet, frame.left, Math.round(frame.bottom) + 0.5, frame.right, Math.round(frame.bottom) + 0.5);
  const row = (y, name, ticks, at, text) => {
    pen.textAlign = "right";
    pen.fillStyle = look.quiet;
    if (name) pen.fillText(name, frame.left - 14, y, frame.left - 14); // squeezed where the word is too long
    pen.textAlign = "center";
    for (const tick of ticks) {
      const x = at(tick);
      if (x >= frame.left - 1 && x <= frame.right + 1) pen.fillText(text(tick), x, y);
    }
  };
  if (panel.empty) return; // no run says how far the axis goes
  const ticks = rates ? logTicks(xLow, xHigh, across) : linearTicks(xLow, xHigh, across, true);
  for (const tick of ticks) {
    const x = Math.round(frame.x(tick)) + 0.5;
    if (x >= frame.left && x <= frame.right + 1) line(pen, look.quiet, x, frame.bottom, x, frame.bottom + 4);
  }
  row(frame.bottom + 14, rates ? "" : words.column_step, ticks, frame.x, rates ? brief : count);
  if (!epoch) return;
  const epochs = linearTicks(0, xHigh / epoch, across, true);
  row(frame.bottom + 32, words.column_epoch, epochs, (tick) => frame.x(tick * epoch), count);
}

function line(pen, colour, x1, y1, x2, y2) {
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// While one points at a run in the legend, the others are.
const faded = (run) => state.runs.some((other) => other.key === state.emphasis) && state.emphasis !== run.key;

function drawCurve(pen, { run, kind, x, y }, frame, look, crowded) {
  const training = kind === "training", colour = look.run(run.colour);
  pen.save();
  // among several runs the training curves stand back: runs are compared by validation
  pen.globalAlpha = faded(run) ? 0.15 : training && crowded && state.emphasis !== run.key ? 0.6 : 1;
  pen.beginPath();
  pen.rect(frame.left - 2, frame.top - 2, frame.right - frame.left + 4, frame.bottom - frame.top + 4);
  pen.clip();
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = training ? 1.7 : 2.2;
  pen.lineJoin = "round";
  pen.lineCap = training ? "round" : "butt";
  pen.setLineDash(training ? [] : [7, 4.5]);
  pen.beginPath();
  const cut = []; // where values begin that are above the picture or not finite
  let down = false, above = false;
  x.forEach((step, i) => {
    const value = y[i];
    const at = frame.x(step), height = Number.isFinite(value) ? Math.max(-4000, frame.y(value)) : NaN;
    const off = !(height >= frame.top - 2);
    if (off && !above && !(at - last(cut) < 16)) cut.push(at);
    above = off;
    if (Number.isNaN(height)) {
      down = false; // not finite: a gap
      return;
    }
    if (!down) pen.moveTo(at, height);
    pen.lineTo(down ? at : at + 0.1, height); // so that one alone between gaps is a point
    down = true;
  });
  pen.stroke();
  pen.restore();
  cut.forEach((at, i) => {
    const stays = above && training && i === cut.length - 1;
    drawCutMark(pen, at, { run, text: stays ? words.diverged : "" }, frame, look);
  });
}

// A triangle at the upper edge: it goes on above. With the word where it does not come back.
function drawCutMark(pen, at, { run, text }, frame, look) {
  pen.save();
  pen.globalAlpha = faded(run) ? 0.15 : 1;
  pen.fillStyle = look.run(run.colour);
  pen.beginPath();
  pen.moveTo(at, frame.top - 9);
  pen.lineTo(at - 6, frame.top + 1);
  pen.lineTo(at + 6, frame.top + 1);
  pen.fill();
  pen.font = `600 12px ${look.font}`;
  pen.textBaseline = "middle";
  const room = at + 10 + pen.measureText(text).width < frame.width;
  pen.textAlign = room ? "left" : "right";
  pen.fillText(text, room ? at + 10 : at - 10, frame.top - 4);
  pen.restore();
}

// The newest value beside the end of its curve: a full dot for training, a ring for validation.
function drawEnds(pen, panel, curves, frame, look) {
  const { measure } = panel, several = new Set(curves.map((curve) => curve.run)).size > 1;
  const ends = curves.flatMap((curve) => {
    const value = last(curve.y), y = frame.y(value);
    if (!(y >= frame.top - 2)) return []; // cut off, or not finite
    return [{ curve, x: frame.x(last(curve.x)), y: Math.min(y, frame.bottom), text: asText(measure, value) }];
  });
  for (const end of ends) drawDot(pen, end.x, end.y, end.curve, look);
  // with several runs only the figure that they are compared by
  const telling = ({ curve }) => !several || curve.kind === "validation" || !curve.run.validation.x.length;
  const labels = ends.filter((end) => !faded(end.curve.run) && telling(end));
  labels.sort((a, b) => a.y - b.y);
  pen.font = `600 12px ${look.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  spread(labels, frame);
  for (const { curve, x, at: y, text } of labels) {
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = look.ground;
    pen.strokeText(text, x + 9, y);
    pen.fillStyle = look.run(curve.run.colour);
    pen.fillText(text, x + 9, y);
  }
}

// Labels side by side keep a line's distance: first downwards, then up again from the bottom.
function spread(labels, frame) {
  const beside = (a, b) => Math.abs(a.x - b.x) < 62;
  labels.forEach((label, i) => {
    const above = labels.slice(0, i).filter((other) => beside(other, label));
    label.at = Math.max(frame.top + 4, label.y, ...above.map((other) => other.at + 14));
  });
  for (let i = labels.length - 1; i >= 0; i--) {
    const below = labels.slice(i + 1).filter((other) => beside(other, labels[i]));
    labels[i].at = Math.min(labels[i].at, frame.bottom - 4, ...below.map((other) => other.at - 14));
  }
}

function drawDot(pen, x, y, curve, look) {
  pen.save();
  pen.globalAlpha = faded(curve.run) ? 0.15 : 1;
  pen.lineWidth = 2;
  pen.strokeStyle = look.run(curve.run.colour);
  pen.fillStyle = curve.kind === "training" ? look.run(curve.run.colour) : look.ground;
  pen.beginPath();
  pen.arc(x, y, 3.4, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
  pen.restore();
}

function drawCursorLine(pen, frame, look) {
  const x = Math.round(frame.x(state.cursor)) + 0.5;
  pen.lineWidth = 1;
  line(pen, look.quiet, x, frame.top, x, frame.bottom);
}

function drawDots(pen, curves, step, frame, look) {
  for (const curve of curves) {
    if (valueAt(curve, step) === undefined) continue;
    const i = nearest(curve.x, step), y = Number.isFinite(curve.y[i]) ? frame.y(curve.y[i]) : NaN;
    if (y >= frame.top - 2 && y <= frame.bottom + 2) drawDot(pen, frame.x(curve.x[i]), y, curve, look);
  }
}

function drawSuggestion(pen, frame, look) {
  const x = frame.x(state.suggested), colour = look.run(1);
  const text = fill(words.suggested, { rate: brief(state.suggested) });
  pen.lineWidth = 2;
  pen.setLineDash([3, 3]);
  line(pen, colour, x, frame.top - 4, x, frame.bottom);
  pen.setLineDash([]);
  pen.font = `600 12px ${look.font}`;
  pen.fillStyle = colour;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  const half = pen.measureText(text).width / 2;
  pen.fillText(text, Math.min(Math.max(x, frame.left + half), frame.right - half), frame.top - 21);
}
