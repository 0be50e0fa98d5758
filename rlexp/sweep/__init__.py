"""Many runs as one thing: a space of overrides -> a frozen plan -> trials in a folder, resumable -> a report."""
