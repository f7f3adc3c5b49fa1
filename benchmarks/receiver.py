"""An app that only receives a photo and answers: what the way to an app and back costs, without any looking.

Its components are named as those of the Classify tab, so that the same visitor can use both. `benchmarks.classroom` starts it.
"""

import gradio as gr


def build() -> gr.Blocks:
    """A photo, a button, and an answer that is always the same."""
    with gr.Blocks(analytics_enabled=False) as page:
        photo = gr.Image(type="filepath", elem_id="photo")
        button = gr.Button("Classify", elem_id="classify")
        result = gr.HTML(elem_id="result")
        button.click(lambda path: "received" if path else "nothing", photo, result, queue=False)
    return page


if __name__ == "__main__":
    build().launch(quiet=True, max_threads=100)
