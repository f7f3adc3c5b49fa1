"""One program for each figure of the docs: `python -m benchmarks.NAME`, or all by `make benchmarks`.

Each writes `benchmarks/results/NAME.json` with the machine, the versions and the command beside the figures. Machines
are noisy: what is compared is measured in turns within one run, and reported as medians and as ratios of neighbours.
"""
