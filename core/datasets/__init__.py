"""Pictures to learn from, one module per source; all give a `Dataset`.

opening       a name, a folder or a zip -> Dataset; what there is to choose from
labelled      the types: Dataset, LabelledImages, an item and its content
oxford_pets   Oxford-IIIT Pet: 37 breeds, or cat and dog
cats_vs_dogs  the Microsoft set, without its broken files
drawn         animals that the project draws itself
folders       class folders, with or without train/ and test/
archives      a zip of class folders, unpacked safely
own           a person's own files and webcam shots
download      fetch the published sets
examination   which files can be read, and which are the same
inspection    counts, warnings, near-duplicates, the contact sheet
"""
