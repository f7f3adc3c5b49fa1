"""Training: a head on embeddings (`head`), fine-tuning and from scratch (`tuning`), what both record (`history`)."""
