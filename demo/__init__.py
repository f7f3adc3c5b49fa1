"""The page: one module per tab. Knows Gradio; holds no maths.

page       puts the tabs together; how it is launched
classify   the Classify tab
classify_many   several photos at once
networks   choosing a network, getting it into memory
photo      the photo input
cards      results as HTML, escaped
examples   pictures that come with the install
jobs       long and short work in a few fixed threads, with a queue that one can see
session    what belongs to one visitor, bounded
context    limits, pools and sessions of one running app
messages   errors as messages
"""
