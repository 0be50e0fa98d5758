"""Which trials go on: ASHA, HyperBand, median stopping, PBT, PB2."""
