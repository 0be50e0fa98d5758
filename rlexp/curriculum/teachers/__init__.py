"""Teachers, a file each; see `rlexp.curriculum.teacher` for what they have in common."""
