"""Hydra and OmegaConf."""

from __future__ import annotations

from rlexp.compat.registry_row import Row, within

_LOADER = "hydra._internal.config_loader_impl:ConfigLoaderImpl."
_REPOSITORY = "hydra._internal.config_repository:"
_SOURCE = "hydra._internal.core_plugins.file_config_source:FileConfigSource"
_OVERRIDE = "hydra.core.override_parser.types:Override."
_COMPOSITION = "config/composition/"

ROWS = (
    Row(
        name="hydra.app",
        library="hydra-core",
        targets=(
            "hydra._internal.hydra:Hydra.__init__(task_name, config_loader)",
            "hydra._internal.config_search_path_impl:ConfigSearchPathImpl",
            "hydra._internal.utils:get_args_parser()",
        ),
        kind="private",
        why="a Hydra over the lab's and the shipped choices at once, beside a Hydra that the program may have",
        without="nothing can be composed",
        need="needed",
        files=("compat/hydra.py",),
    ),
    Row(
        name="hydra.loader",
        library="hydra-core",
        targets=(
            *within(
                _LOADER,
                "__init__(config_search_path)",
                "_apply_overrides_to_config(overrides, cfg)",
                "_parse_overrides_and_create_caching_repo(config_name, overrides)",
                "_process_config_searchpath(config_name, parsed_overrides, repo)",
            ),
            *within(_REPOSITORY, "CachingConfigRepository", "ConfigRepository"),
        ),
        kind="private",
        why="files are read by our reader, which names file and line and refuses what is too large",
        without="nothing can be composed",
        need="needed",
        files=("compat/hydra.py", f"{_COMPOSITION}hydra_files.py"),
    ),
    Row(
        name="hydra.files",
        library="hydra-core",
        targets=(
            f"{_SOURCE}._normalize_file_name(filename)",
            "hydra.plugins.config_source:ConfigSource._get_header_dict(config_text)",
        ),
        kind="private",
        why="a choice's file is found, and its header understood, as Hydra does",
        without="nothing can be composed",
        need="needed",
        files=("compat/hydra.py", f"{_COMPOSITION}hydra_files.py"),
    ),
    Row(
        name="hydra.override",
        library="hydra-core",
        targets=within(_OVERRIDE, "_value", "_get_value_element_as_str(value, space_after_sep)"),
        kind="private",
        why="a sweep's values are written back as they were typed",
        without="no sweep can be planned",
        need="needed",
        files=("compat/hydra.py",),
    ),
    Row(
        name="omegaconf.lookup",
        library="omegaconf",
        targets=within(
            "omegaconf.base:Container.", "_resolve_node_interpolation", "_evaluate_custom_resolver"
        ),
        kind="patch",
        why="counts how often a config looks values up: one whose values double at each step is refused",
        without="a small file can fill the memory",
        need="needed",
        files=("compat/omegaconf.py",),
        fault="tests/config/test_odd_yaml.py::test_a_bomb_is_refused_at_once",
    ),
    Row(
        name="omegaconf.content",
        library="omegaconf",
        targets=("omegaconf.basecontainer:BaseContainer._content", "omegaconf.nodes:ValueNode._val"),
        kind="private",
        why="the size of a value that was looked up, without resolving what is in it",
        without="a small file can fill the memory",
        need="needed",
        files=("compat/omegaconf.py",),
    ),
)
