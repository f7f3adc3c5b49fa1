"""Adversarial perturbations: small changes of a photo after which a network reads something else."""
