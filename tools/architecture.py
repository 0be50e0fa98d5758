"""The house in figures and as a picture: floors, rooms, and who imports whom.

    python tools/architecture.py                # the figures
    python tools/architecture.py --svg docs/architecture.svg

Floors are those of the import contract in `pyproject.toml`. Every import counts, also inside functions and for types
alone. Needs the extra `test` (grimp comes with import-linter, networkx with torch).
"""

from __future__ import annotations

import argparse
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp
import networkx

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "rlexp"
WIDTH, FLOOR_HEIGHT, TOP, MARGIN = 1000, 92, 30, 16
LARGEST_FILE, SMALL_FILE = 350, 60
"""Lines: no file has more than the first; one of at most the second with a single importer belongs into that."""


@dataclass(frozen=True)
class House:
    """The package as its imports show it.

    Attributes:
        floors: rooms by floor, the lowest first.
        imports: imported modules by module.
        lines: lines by module.
    """

    floors: list[list[str]]
    imports: dict[str, set[str]]
    lines: dict[str, int]

    def floor_of(self, module: str) -> int:
        """The floor's number, from 1; the package itself is on the highest."""
        room = room_of(module)
        return next((n for n, rooms in enumerate(self.floors, start=1) if room in rooms), len(self.floors))

    def upward(self) -> list[tuple[str, str]]:
        """Imports from a floor above."""
        pairs = [(a, b) for a, imported in self.imports.items() for b in imported]
        return sorted((a, b) for a, b in pairs if self.floor_of(a) < self.floor_of(b))

    def between_rooms(self) -> Counter[tuple[str, str]]:
        """Number of imports from room to room."""
        pairs = ((room_of(a), room_of(b)) for a, imported in self.imports.items() for b in imported)
        return Counter(pair for pair in pairs if pair[0] != pair[1])


def room_of(module: str) -> str:
    """`run` of `rlexp.run.train`; empty for the package itself."""
    return module.removeprefix(PACKAGE).lstrip(".").partition(".")[0]


def read_house() -> House:
    """The package in this repository."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = [
        [name.strip().removeprefix(f"{PACKAGE}.") for name in layer.split(":")] for layer in reversed(layers)
    ]
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    return House(floors, imports, {module: _lines(module) for module in graph.modules})


def _lines(module: str) -> int:
    stem = ROOT.joinpath(*module.split("."))
    file = stem.with_suffix(".py") if stem.with_suffix(".py").is_file() else stem / "__init__.py"
    return len(file.read_text(encoding="utf-8").splitlines())


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other, each sorted."""
    graph = networkx.DiGraph((a, b) for a, imported in imports.items() for b in imported)
    return sorted(sorted(group) for group in networkx.strongly_connected_components(graph) if len(group) > 1)


def lone_helpers(house: House) -> list[tuple[str, str]]:
    """Small modules with a single importer, and that importer."""
    importers: dict[str, set[str]] = defaultdict(set)
    for module, imported in house.imports.items():
        for each in imported:
            importers[each].add(module)
    small = (m for m in house.imports if house.lines[m] <= SMALL_FILE and len(importers[m]) == 1)
    return sorted((module, next(iter(importers[module]))) for module in small if not _is_package(module))


def _is_package(module: str) -> bool:
    return ROOT.joinpath(*module.split(".")).is_dir()


def figures(house: House) -> dict[str, object]:
    """What there is, by name."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for a, b in house.between_rooms():
        rooms[a].add(b)
    return {
        "files": len(house.imports),
        "lines": sum(house.lines.values()),
        "floors": len(house.floors),
        "rooms": len({room_of(module) for module in house.imports} - {""}),
        "imports upwards": len(house.upward()),
        "circles of files": len(circles(house.imports)),
        "circles of rooms": len(circles(rooms)),
        f"files above {LARGEST_FILE} lines": sum(lines > LARGEST_FILE for lines in house.lines.values()),
        f"files of at most {SMALL_FILE} lines with one importer": len(lone_helpers(house)),
    }


def picture(house: House) -> str:
    """SVG: a band for each floor, a box for each room (its width by its lines), lines for imports between rooms."""
    lines: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for module, count in house.lines.items():
        lines[room_of(module)] += count
        files[room_of(module)] += 1
    boxes: dict[str, tuple[float, float, float]] = {}
    height = TOP + FLOOR_HEIGHT * len(house.floors)
    for number, rooms in enumerate(house.floors):
        top = height - FLOOR_HEIGHT * (number + 1)
        left = 90.0
        share = (WIDTH - left - MARGIN * (len(rooms) + 1)) / sum(_weight(lines[room]) for room in rooms)
        for room in rooms:
            width = share * _weight(lines[room])
            boxes[room] = (left, top + 18, width)
            left += width + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 10}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height + 10}" fill="white"/>',
    ]
    for number in range(len(house.floors)):
        top = height - FLOOR_HEIGHT * (number + 1)
        fill = "#f4f6f8" if number % 2 else "#e9edf1"
        parts.append(f'<rect y="{top}" width="{WIDTH}" height="{FLOOR_HEIGHT}" fill="{fill}"/>')
        parts.append(f'<text x="16" y="{top + 52}" font-size="15" fill="#445">floor {number + 1}</text>')
    parts += [_line(boxes[a], boxes[b], count) for (a, b), count in house.between_rooms().items() if a and b]
    for room, (left, y, width) in boxes.items():
        parts.append(
            f'<rect x="{left:.0f}" y="{y}" width="{width:.0f}" height="48" rx="6" fill="#fff" stroke="#567"/>'
            f'<text x="{left + width / 2:.0f}" y="{y + 21}" font-size="14" text-anchor="middle">{escape(room)}</text>'
            f'<text x="{left + width / 2:.0f}" y="{y + 38}" font-size="11" fill="#667" text-anchor="middle">'
            f"{files[room]} files, {lines[room]:,} lines</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _weight(lines: int) -> float:
    return lines**0.5 + 30.0  # Room for the name of the smallest.


def _line(start: tuple[float, float, float], end: tuple[float, float, float], count: int) -> str:
    (x1, y1, w1), (x2, y2, w2) = start, end
    return (
        f'<line x1="{x1 + w1 / 2:.0f}" y1="{y1 + 48}" x2="{x2 + w2 / 2:.0f}" y2="{y2}" stroke="#89a" '
        f'stroke-width="{min(4.0, 0.5 + count / 25):.1f}" stroke-opacity="0.5"/>'
    )


def main() -> None:
    """Prints the figures; writes the picture where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--svg", type=Path, help="write the picture there")
    parser.add_argument("--helpers", action="store_true", help="list small files with one importer")
    arguments = parser.parse_args()
    house = read_house()
    for name, value in figures(house).items():
        print(f"{name:48} {value}")
    if arguments.helpers:
        for module, importer in lone_helpers(house):
            print(f"{house.lines[module]:4} {module} <- {importer}")
    if arguments.svg:
        arguments.svg.write_text(picture(house), encoding="utf-8")


if __name__ == "__main__":
    main()
