// Buttons inside of a gr.HTML that say what they stand for: the js_on_load of the strip of stages, of the maps of a layer.
// `element` and `trigger` come from Gradio; `data`, the name of what they stand for, from demo/inside_layers.py.

element.addEventListener("click", (event) => {
  const button = event.target.closest(`button[data-${data}]`);
  if (!button) return;
  // another layer is on its way: what is pressed in the maps of this one would come too late
  if (data === "layer") document.querySelector("#inside-maps .pl-layer")?.classList.add("pl-stale");
  trigger("click", { [data]: button.dataset[data] });
});
