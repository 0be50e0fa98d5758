"""Files that are complete or absent, held by one process, and safe to read whoever wrote them."""
