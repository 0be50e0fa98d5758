"""From a command line with several values to the frozen list of trials."""
