"""The lab's environments and wrappers: named in conf/env by import path, found by every process."""
