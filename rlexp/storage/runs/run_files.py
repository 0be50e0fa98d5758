"""Which files a run's folder has, and the records that are replaced as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlexp.base.files.atomic import write_json
from rlexp.base.files.json_records import read_object
from rlexp.storage.runs import metrics_file
from rlexp.storage.runs.overwritten_run import MANIFEST
from rlexp.storage.signed_files import write_signed


class RunFiles:
    """The files of the run in the folder `path`; whether anybody holds that is not asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config(self) -> Path:
        """The resolved config, YAML."""
        return self.path / "config.yaml"

    @property
    def manifest(self) -> Path:
        """What was run, where, when and by whom; its status."""
        return self.path / MANIFEST

    @property
    def episodes(self) -> Path:
        """A JSON object for each iteration in which episodes ended."""
        return self.path / "episodes.jsonl"

    @property
    def metrics(self) -> Path:
        """A JSON object per iteration."""
        return self.path / metrics_file.NAME

    @property
    def summary(self) -> Path:
        """Final and best results."""
        return self.path / "summary.json"

    @property
    def log(self) -> Path:
        """What Ray, RLlib and warnings had to say."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The sealed checkpoints, see `rlexp.storage.checkpoint.store`."""
        return self.path / "checkpoints"

    @property
    def wandb(self) -> Path:
        """W&B's own files."""
        return self.path / "wandb"

    @property
    def videos(self) -> Path:
        """Recorded episodes."""
        return self.path / "videos"

    @property
    def trace(self) -> Path:
        """The traceback of a run that failed."""
        return self.path / "error.txt"

    def write_config(self, config: dict[str, Any]) -> None:
        """Replace config.yaml by `config`, keys in the order given, and vouch for it.

        Raises:
            TypeError: `config` holds something that is not plain data.
        """
        import yaml

        from rlexp.base.yaml.reader import Dumper

        try:
            text = yaml.dump(
                config, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
            )
        except yaml.representer.RepresenterError as error:
            raise TypeError(f"the config is not plain data: {error}") from error
        write_signed(self.config, text)

    def update_manifest(self, **fields: Any) -> None:
        """Set `fields` in the manifest and keep the others."""
        known = self.read_manifest() if self.manifest.exists() else {}
        write_json(self.manifest, known | fields)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            ConfigError: it is missing or is not a JSON object.
        """
        return read_object(self.manifest)
