"""`rlexp doctor`: what this machine is, what is installed, and what `hardware=auto` would choose here.

It asks no network, shows no key, and imports neither Ray nor torch (torch for `--kernels`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rlexp.cli import kernel_rates
from rlexp.compat import registry
from rlexp.compat.broken_rows_cache import broken_targets
from rlexp.config.schema import HardwareChoice
from rlexp.hardware.auto import choose
from rlexp.hardware.machine.machine import Machine, inspect_machine

GIB = 1 << 30
LOW_DISK, LOW_MEMORY = 2 * GIB, 4 * GIB
EXAMPLES = (("fast", 0.00003, "ppo"), ("slow", 0.005, "ppo"))
"""Environments that the choice is shown for: name, seconds a step, algorithm."""


def run(argv: Sequence[str]) -> int:
    """The command; returns its exit code: 0, whatever is missing."""
    parser = argparse.ArgumentParser(prog="rlexp doctor", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument(
        "--kernels", action="store_true", help="time torch and oneDNN, too (seconds: torch is imported)"
    )
    arguments = parser.parse_args(list(argv))
    findings = examine(inspect_machine(os.environ.get("RLEXP_RUNS_DIR", ".")), arguments.kernels)
    if arguments.json:
        print(json.dumps(findings, indent=2))
    else:
        _show(findings)
    return 0


def examine(machine: Machine, torchs_kernels: bool = False) -> dict[str, Any]:
    """Everything the command tells, as plain data."""
    cluster = machine.cluster
    return {
        "machine": {
            "host": machine.host,
            "system": machine.system,
            "python": machine.python,
            "cores": machine.cores,
            "memory_gib": round(machine.memory_bytes / GIB, 1),
            "free_disk_gib": round(machine.free_disk_bytes / GIB, 1),
            "gpus": list(machine.gpus),
        },
        "versions": dict(machine.versions),
        "compat": {"rows": len(registry.ROWS), "broken": (broken := broken_targets())},
        "extras": extras(),
        "wandb": wandb_login(),
        "ray_cluster": cluster
        and {"address": cluster.address, "source": cluster.source, "reachable": cluster.reachable},
        "kernels": kernel_rates.examine(torchs_kernels),
        "hardware_auto": {name: _auto(machine, step_s, algorithm) for name, step_s, algorithm in EXAMPLES},
        "warnings": [*warnings(machine), *kernel_rates.held_back(), *unsupported(broken)],
    }


def extras() -> dict[str, dict[str, Any]]:
    """The project's extras: whether each is installed, and which distributions are missing."""
    try:
        requires = metadata.requires("rlexp") or []
    except metadata.PackageNotFoundError:
        requires = _from_checkout()
    wanted: dict[str, list[str]] = {}
    for line in requires:
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", line)
        name = re.match(r"[\w.-]+", line)
        if extra and name and name.group() != "rlexp":
            wanted.setdefault(extra.group(1), []).append(name.group())
    missing = {extra: [name for name in names if not _installed(name)] for extra, names in wanted.items()}
    return {extra: {"installed": not names, "missing": names} for extra, names in missing.items()}


def _from_checkout() -> list[str]:
    """The requirements of a checkout that is not installed, as an installed package would list them."""
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    table = re.search(r"\[project\.optional-dependencies\](.*?)\n\[", text, re.DOTALL)
    lines = []
    for extra, body in re.findall(r"^([\w-]+) = \[(.*?)\]\s*$", table.group(1) if table else "", re.M | re.S):
        lines += [f"{name}; extra == '{extra}'" for name in re.findall(r'"([\w.-]+)', body)]
    return lines


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def wandb_login() -> dict[str, Any]:
    """Whether W&B would find a key, and where; never the key itself."""
    if find_spec("wandb") is None:
        return {"installed": False, "logged_in": False, "source": None}
    host = re.sub(r"^https?://", "", os.environ.get("WANDB_BASE_URL", "api.wandb.ai")).split("/")[0]
    source = None
    if os.environ.get("WANDB_API_KEY"):
        source = "WANDB_API_KEY"
    else:
        netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
        try:
            hosts = re.findall(r"\bmachine\s+(\S+)", netrc.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            hosts = []
        source = str(netrc) if host in hosts else None
    return {
        "installed": True,
        "logged_in": source is not None,
        "source": source,
        "mode": os.environ.get("WANDB_MODE") or None,
    }


def warnings(machine: Machine) -> list[str]:
    """What may spoil a run here."""
    warnings_found = []
    if machine.free_disk_bytes < LOW_DISK:
        warnings_found.append(
            f"only {machine.free_disk_bytes / GIB:.1f} GiB of disk are free here; checkpoints need room"
        )
    if machine.memory_bytes < LOW_MEMORY:
        warnings_found.append(
            f"only {machine.memory_bytes / GIB:.1f} GiB of memory; keep replay buffers small"
        )
    if machine.cluster is not None and not machine.cluster.reachable:
        address, source = machine.cluster.address, machine.cluster.source
        warnings_found.append(
            f"no Ray cluster answers at {address} ({source}); runs ignore it unless hardware.address=auto"
        )
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > machine.cores:
        warnings_found.append(
            f"OMP_NUM_THREADS={threads} is more than the {machine.cores} cores; torch will be slow"
        )
    return warnings_found


def unsupported(broken: dict[str, dict[str, str]]) -> list[str]:
    """What the installed versions of other packages no longer have, of rows of `rlexp.compat` by name."""
    lines = []
    for name, targets in broken.items():
        row = registry.row(name)
        states = ", ".join(f"{path} is {state}" for path, state in targets.items())
        versions = registry.supported(row.library)
        lines.append(f"{row.library} {registry.installed(row.library)}: {states}; {row.without} ({versions})")
    return lines


def _auto(machine: Machine, step_s: float, algorithm: str) -> dict[str, Any]:
    chosen, reasons = choose(HardwareChoice(auto=True), machine, step_s, algorithm, {})
    return {"algorithm": algorithm, "step_ms": step_s * 1e3, "chosen": chosen, "reasons": reasons}


def _show(findings: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from rlexp.terminal.quiet import console as screen

    console = screen()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in _rows(findings):
        table.add_row(name, Text(value))
    console.print(table)
    for name, choice in findings["hardware_auto"].items():
        console.print(
            f"\n[bold]hardware=auto[/] with {choice['algorithm']} and a {name} environment "
            f"({choice['step_ms']:g} ms a step):",
            highlight=False,
        )
        for reason in choice["reasons"]:
            console.print(Text(f"  {reason}"))
    for warning in findings["warnings"]:
        console.print(Text(f"\nwarning: {warning}", style="yellow"))


def _kernels(kernels: dict[str, Any]) -> str:
    rates = ", ".join(f"{name} {rate:g}" for name, rate in kernels["gflops"].items())
    others = [f"{name} {kernels[name]}" for name in ("torch", "onednn") if name in kernels]
    parts = [f"numpy with {kernels['numpy']}", *others]
    hint = "" if others else " (rlexp doctor --kernels times torch and oneDNN, too)"
    return f"{', '.join(parts)}; GFLOP/s of one thread: {rates}{hint}"


def _rows(findings: dict[str, Any]) -> list[tuple[str, str]]:
    machine, wandb, cluster = findings["machine"], findings["wandb"], findings["ray_cluster"]
    login = (
        f"logged in ({wandb['source']})" if wandb["logged_in"] else "not logged in: runs are logged offline"
    )
    answers = cluster and ("answers" if cluster["reachable"] else "does not answer")
    rows = [
        ("machine", f"{machine['host']}, {machine['system']}, Python {machine['python']}"),
        ("cores", f"{machine['cores']} that this process may use"),
        ("memory", f"{machine['memory_gib']:g} GiB"),
        ("free disk", f"{machine['free_disk_gib']:g} GiB here"),
        ("GPUs", ", ".join(machine["gpus"]) or "none"),
        ("Ray cluster", f"{cluster['address']} ({cluster['source']}) {answers}" if cluster else "none"),
        ("W&B", login if wandb["installed"] else "not installed"),
        ("versions", ", ".join(f"{name} {version}" for name, version in findings["versions"].items())),
    ]
    broken = findings["compat"]["broken"]
    names = f"{', '.join(broken)} not as expected" if broken else "all as expected"
    rows.append(
        ("compat", f"{findings['compat']['rows']} uses of what other packages do not promise: {names}")
    )
    rows.append(("kernels", _kernels(findings["kernels"])))
    for extra, state in findings["extras"].items():
        what = "installed" if state["installed"] else f"missing {', '.join(state['missing'])}"
        hint = "" if state["installed"] else f": pip install 'rlexp[{extra}]'"
        rows.append((f"extra {extra}", what + hint))
    return rows
