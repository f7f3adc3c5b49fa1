"""Pre-trained networks: the catalogue, where weights come from, loading, folding for speed.

    catalogue   the networks that we describe
    sources     what is here: shipped with the install, in a local folder, in the hub's cache
    hub         fetch weights from the hub, with limits and deadlines
    shipped     EfficientNet-Lite0 out of an installed package
    backbone    the type: a frozen network with its own preprocessing
    views       what one may choose of how a network is shown pictures
    folding     a faster twin for inference
    freezing    from a timm network to a backbone; another view of one
    loading     from a name to a backbone, loaded once

Importing this package imports none of them: `catalogue` and `sources` answer without torch.
"""
