"""Points that are chosen by the scores of those before."""
