"""A sweep's folder, as far as reports and status need it; `rlexp.sweep.folder` plans it and goes on with it."""
