// Two pictures under one handle: the js_on_load of a gr.HTML. `element`, `props` and `watch` come from Gradio, the values and
// `words` from demo/fool_compare.py. Texts reach the page as attributes only.

const root = element.querySelector(".pl-compare");
const range = root.querySelector("input");

function put(picture, source, alt) {
  if (picture.getAttribute("src") !== source) picture.src = source;
  picture.alt = alt;
}

function uncover() {
  root.style.setProperty("--place", `${range.value}%`);
  const places = { original: range.value, changed: 100 - range.value };
  range.setAttribute("aria-valuetext", words.uncovered.replace(/{(\w+)}/g, (_, name) => places[name]));
}

function show() {
  const value = props.value || {};
  for (const part of root.children) part.hidden = !value.before !== part.classList.contains("pl-empty");
  if (!value.before) return;
  put(root.querySelector(".pl-before"), value.before, value.before_alt);
  put(root.querySelector(".pl-after"), value.after, value.after_alt);
}

range.addEventListener("input", uncover);
watch("value", show);
uncover();
show();
