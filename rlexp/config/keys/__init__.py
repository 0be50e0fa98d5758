"""Which keys there are, which values they take, and what to write instead of a wrong one."""
