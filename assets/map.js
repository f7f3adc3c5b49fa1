// The map of pictures: a class alone, and the picture of a point. The js_on_load of a gr.HTML, whose value is made by
// demo/inside_map_cards.py; `element` and `trigger` come from Gradio.

const REACH = 12; // of a press, in units of the drawing

function showAlone(label) {
  for (const button of element.querySelectorAll("button[data-class]")) {
    button.setAttribute("aria-pressed", button.dataset.class === label);
  }
  for (const point of element.querySelectorAll("circle")) {
    point.classList.toggle("pl-faint", label !== null && point.dataset.class !== label);
  }
}

function nearest(svg, event) {
  const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  let found = null;
  let least = REACH;
  for (const point of svg.querySelectorAll("circle:not(.pl-faint)")) {
    const away = Math.hypot(point.cx.baseVal.value - place.x, point.cy.baseVal.value - place.y);
    if (away < least) [found, least] = [point, away];
  }
  return found;
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-class]");
  if (button) {
    const alone = button.getAttribute("aria-pressed") !== "true";
    showAlone(alone ? button.dataset.class : null);
    if (alone) trigger("click", { class: Number(button.dataset.class) });
    return;
  }
  const svg = event.target.closest("svg");
  const point = svg && nearest(svg, event);
  if (point) {
    svg.querySelector(".pl-chosen")?.classList.remove("pl-chosen");
    point.classList.add("pl-chosen");
    trigger("click", { picture: Number(point.dataset.picture) });
  }
});
