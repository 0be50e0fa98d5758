"""From runs to figures: arms, curves, comparisons, what a parameter brings."""
