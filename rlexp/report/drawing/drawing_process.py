"""The other process of `rlexp.report.drawing.pictures`: V8, and nothing of this package.

Its source is handed to a Python of its own. A line of JSON on its input says where modules lie; V8 is made ready
then. Another line says what to draw, and the answer is a line on its output.
"""

from __future__ import annotations

import base64
import json
import signal
import sys
from typing import Any


def main() -> None:
    """Draws once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Who asked is interrupted too, and ends this one.
    sys.path[:] = json.loads(sys.stdin.readline())
    import vl_convert

    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})
    line = sys.stdin.readline()
    if line:
        print(json.dumps(_answer(vl_convert, json.loads(line))), flush=True)


def _answer(vl_convert: Any, request: dict[str, Any]) -> dict[str, Any]:
    script = vl_convert.javascript_bundle(request["bundle"]) if request["bundle"] else None
    pictures, errors = [], []
    for name, spec in request["charts"].items():
        for ending in request["endings"]:
            try:
                drawn = _draw(vl_convert, spec, ending)
            except Exception as error:
                errors.append([name, str(error)])
            else:
                pictures.append([name, ending, base64.b64encode(drawn).decode()])
    return {"script": script, "pictures": pictures, "errors": errors}


def _draw(vl_convert: Any, spec: dict[str, Any], ending: str) -> bytes:
    if ending == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2))
    return str(vl_convert.vegalite_to_svg(spec)).encode("utf-8")


if __name__ == "__main__":
    main()
