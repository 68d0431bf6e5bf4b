"""What a browser makes of a page: by parsing it, and by asking one."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

_LOADS = ("src", "href", "srcset", "data", "action", "background", "poster", "xlink:href", "formaction", "ping")
_PNG, _SVG = "data:image/png;base64,", "data:image/svg+xml;base64,"
_ACTS = ("script", "iframe", "object", "embed", "link", "base", "form", "svg", "video", "audio", "template")


class Seen(HTMLParser):
    """What a browser would make of a page: its tags, what it would load, what it would run, its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.loads: list[str] = []
        self.acts: list[str] = []
        self.styles: list[str] = []
        self.policy = self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        given = dict(attrs)
        self.loads += [str(given[name]) for name in _LOADS if given.get(name)]
        self.acts += [name for name in given if name.startswith("on")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.get_starttag_text() == "<style>":
            self.styles.append(data)


def inert_page(html: str) -> Seen:
    seen = Seen(html)
    assert not [tag for tag in _ACTS if tag in seen.tags] and not seen.acts
    assert seen.tags["style"] == 1 and "url(" not in seen.styles[0] and "@import" not in seen.styles[0]
    assert all(one.startswith((_PNG, _SVG, "#")) for one in seen.loads)
    for one in seen.loads:
        if one.startswith(_SVG):
            inert_picture(b64decode(one.removeprefix(_SVG)).decode())
    assert seen.policy.startswith("default-src 'none'")
    return seen


def inert_picture(svg: str) -> Seen:
    """A browser runs nothing of an image and loads nothing for it; there is nothing to run or to load either."""
    seen = Seen(svg)
    assert seen.tags.pop("svg") == 1 and not [tag for tag in _ACTS if tag in seen.tags] and not seen.acts
    assert all(one.startswith((_PNG, "#")) for one in seen.loads)
    return seen


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ASK = """<body style="margin:0"><iframe id="page" src="{page}" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="told"></pre><script>addEventListener("load", () => {{
  const page = document.getElementById("page").contentDocument, root = page.documentElement;
  const images = [...page.images];
  document.getElementById("told").textContent = [root.scrollWidth, root.scrollHeight, images.length,
    images.filter(one => one.naturalWidth > 300 && one.getBoundingClientRect().width >= Math.min(700, {width} * 0.5)
      && one.closest("figure").getBoundingClientRect().right <= {width}).length].join(" ");
}});</script></body>"""


def chromium(folder: Path, *words: str) -> str:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: nobody has seen what the report looks like")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}", *words,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
