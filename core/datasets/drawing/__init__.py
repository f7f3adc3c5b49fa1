"""Animals drawn by code: curves make figures, figures are traced into cels, and styles paint the cels.

curves     smooth outlines from a few points
figure     areas and lines, back to front, without colours in numbers
faces      eyes, mouths, whiskers, blush
bodies     how four-legged animals sit, stand and lie
cats dogs rabbits mice birds fish turtles frogs    one animal each, in several poses
palettes   the colours of a figure and of a scene
scenes     what is behind the animal
tracing    figure -> cel: flat colours, lines, cover
textures   paper, grain, hatching, washes
styles     cel -> picture: cartoon, ink, silhouette, ...
"""
