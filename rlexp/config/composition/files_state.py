"""What the composed config depends on besides the overrides: reading the same files again gives the same config."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from rlexp.compat.hydra import Hydra

T = TypeVar("T")

SHIPPED = ("pkg://hydra.conf", "structured://")
"""Sources beside folders that are the same for as long as the process lives."""
MOST_ENTRIES = 2_000
"""Files and folders; more of them are not looked through for changes, and nothing is kept."""
NOT_OF_CONFIGS = ("PYTEST_CURRENT_TEST", "RLEXP_HOME")
"""Variables of the environment that no config depends on: which test runs, and where keys lie. In a lab's tests they
differ at each composing, and nothing would be kept."""


class UnchangedFiles(Generic[T]):
    """Keeps what was made of config files until any of them changes; the last `most` results.

    Hydra takes 0.1 s to merge the hundred files of a run. A notebook or a test composes many configs of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, state: Hashable | None, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned for that state and key, which is to be left as it is.

        Args:
            state: of the files, as `files_state` has it; None where nothing may be kept.
            key: what the result depends on besides.
            make: makes it anew.
        """
        if state is None:
            return make()
        entry = (state, key)
        if entry not in self._results:
            self._results[entry] = make()
            if len(self._results) > self._most:
                self._results.popitem(last=False)
        self._results.move_to_end(entry)
        return self._results[entry]


@lru_cache(maxsize=1)
def files_state(app: Hydra) -> Hashable | None:
    """Changes whenever a config file, the list of them or the process's environment does.

    Looked at once for each Hydra, which is made for one use.

    Returns:
        None where that cannot be seen: a folder from elsewhere (`--config-dir`), a source that is no folder.
    """
    from rlexp.config.composition.hydra_files import FOREIGN

    entries: list[tuple[str, int, int, int]] = []
    for source in app.config_loader.get_search_path().get_path():
        path = str(source.path)
        if path in SHIPPED:
            continue
        if source.provider == FOREIGN or not path.startswith("file://"):
            return None
        try:
            _add_entries(path.removeprefix("file://"), entries)
        except OSError:  # A link to nothing, a loop of links, too many files, a folder that may not be read.
            return None
    return tuple(entries), frozenset(item for item in os.environ.items() if item[0] not in NOT_OF_CONFIGS)


def _add_entries(folder: str, entries: list[tuple[str, int, int, int]]) -> None:
    """Adds each folder below, and each config file with its time, size and inode.

    Raises:
        OSError: one cannot be looked at, or they are too many.
    """
    with os.scandir(folder) as inside:
        for entry in sorted(inside, key=lambda entry: entry.name):
            if len(entries) >= MOST_ENTRIES:
                raise OSError(errno.EMFILE, "too many config files", folder)
            if entry.is_dir():
                entries.append((entry.path, 0, 0, 0))
                _add_entries(entry.path, entries)
            elif entry.name.endswith((".yaml", ".yml")):
                facts = entry.stat()
                entries.append((entry.path, facts.st_mtime_ns, facts.st_size, facts.st_ino))
