"""Gymnasium, and msgpack-numpy beside it."""

from __future__ import annotations

from rlexp.compat.registry_row import Row

ROWS = (
    Row(
        name="gymnasium.autoreset",
        library="gymnasium",
        targets=(
            "gymnasium.vector.sync_vector_env:SyncVectorEnv._autoreset_envs",
            "gymnasium.vector.vector_env:VectorEnv._add_info(vector_infos, env_info, env_num)",
        ),
        kind="private",
        why="environments in turn are stepped without copies of what the next step overwrites",
        without="no vector of environments can be stepped",
        need="needed",
        files=("engine/sampling/vector_stepper.py",),
    ),
    Row(
        name="gymnasium.infos",
        library="gymnasium",
        targets=("gymnasium.vector.vector_env:VectorEnv._add_info(vector_infos, env_info, env_num)",),
        kind="patch",
        why="infos whose keys or types differ between environments and steps are merged",
        without="an info of another type ends the run",
        need="needed",
        files=("engine/runners/guarded_runner.py",),
        fault="tests/compat/test_gymnasium_faults.py::test_infos_of_different_types_end_a_vectors_step",
    ),
    Row(
        name="gymnasium.info_lists",
        library="gymnasium",
        targets=(
            "gymnasium.wrappers.vector.dict_info_to_list:DictInfoToList._convert_info_to_list(vector_infos)",
        ),
        kind="private",
        why="a callback sees each environment's info as Gymnasium itself takes it apart",
        without="callbacks see no infos on the fast path",
        need="needed",
        files=("engine/sampling/episode_view.py",),
    ),
    Row(
        name="gymnasium.worker_state",
        library="gymnasium",
        targets=("gymnasium.vector.async_vector_env:AsyncVectorEnv._state",),
        kind="private",
        why="a vector whose process was killed in a step is closed without waiting for it",
        without="a killed environment process hangs the run",
        need="needed",
        files=("environment/hangs/lost_process.py",),
    ),
    Row(
        name="msgpack_numpy.decode",
        library="msgpack-numpy",
        targets=("msgpack_numpy:decode(obj, chain)",),
        kind="patch",
        why="recorded episodes are decoded without unpickling, which can run any code",
        without="a recording from elsewhere can run code",
        need="needed",
        files=("compat/packed_columns.py",),
        issue="https://github.com/lebedov/msgpack-numpy/issues/57",
        fault="tests/run/test_packed_columns.py::test_episodes_are_decoded_without_their_pickles",
    ),
)
