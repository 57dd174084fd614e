"""The smallest writer of SVG that cannot forget to escape: a picture is a string, the same one every time.

Must not know what is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from html import escape

from voxlab.display.characters import clean

Attribute = str | float | None


class Markup(str):
    """Text that is markup already; any other string is escaped when it becomes part of a picture."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: Attribute) -> Markup:
    """Return an element.

    Parameters
    ----------
    tag : str
        Its name.
    *children : str
        Markup as it is, other text escaped.
    **attributes
        ``stroke_width=2`` becomes ``stroke-width="2"``, a trailing underscore goes (``class_``), None is left out.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    inside = "".join(child if isinstance(child, Markup) else escape(clean(child), quote=False) for child in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>" if children else f"<{tag}{written}/>")


def group(children: Iterable[str], **attributes: Attribute) -> Markup:
    """Return a ``g`` of the children."""
    return element("g", *children, **attributes)


def number(value: float) -> str:
    """Return a coordinate with at most two decimals and no needless zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


WIDEST_PX = 1040
"""What fits beside the numbers of cells in a window of usual size."""


def picture(
    width: float, height: float, body: Iterable[str], *, title: str, description: str, style: str, class_: str
) -> Markup:
    """Return a whole picture that says in words what it shows and shrinks to the width it is given.

    Where a page does not shrink it, as in notebooks that were exported to HTML, it is at most `WIDEST_PX` wide.
    Its one identifier is made from its content: equal pictures are equal strings, different ones on a page do not
    collide.
    """
    body = list(body)
    key = hashlib.sha256("".join((title, description, *body)).encode("utf-8", "surrogateescape")).hexdigest()[:10]
    names = f"vx-{key}-title", f"vx-{key}-text"
    scale = min(1.0, WIDEST_PX / width)
    return element(
        "svg",
        element("title", title, id=names[0]),
        element("desc", description, id=names[1]),
        element("style", Markup(style)),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=round(width * scale, 2),
        height=round(height * scale, 2),
        role="img",
        aria_label=title,
        aria_describedby=names[1],
        class_=class_,
        style="max-width:100%;height:auto",
    )


def _attribute(name: str, value: Attribute) -> str:
    text = clean(value) if isinstance(value, str) else number(float(value or 0))
    key = name if name in _CAMEL else name.rstrip("_").replace("_", "-")
    return f' {key}="{escape(text)}"'


_CAMEL = {"viewBox", "textLength", "lengthAdjust", "preserveAspectRatio"}
