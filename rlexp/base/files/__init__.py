"""Files that are whole or absent, held by one process, and safe to read whoever wrote them."""
