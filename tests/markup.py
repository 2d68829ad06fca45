"""A page as a browser would read it: its text, its links, what it loads, and whether its tags are well nested."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input", "source"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Markup(HTMLParser):
    """What stands on a page. Refuses a page whose tags do not nest."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def __post_init__(self):
        super().__init__()
        self._open: list[Element] = []

    @classmethod
    def read(cls, page):
        markup = cls()
        markup.feed(page)
        markup.close()
        assert [element.tag for element in markup._open] == []
        return markup

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        assert len(attrs) == len(element.attributes), f"{tag} says an attribute twice"
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert tag == self._open[-1].tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data):
        self.text += data
        for element in self._open:
            element.text += data

    def all(self, tag, **attributes):
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [e for e in self.elements if e.tag == tag and wanted.items() <= e.attributes.items()]

    @property
    def links(self):
        return {element.attributes.get("href") for element in self.all("a")}

    @property
    def loaded(self):
        """The addresses that a browser reads to show the page."""
        named = [(e, e.attributes.get("src")) for e in self.elements if e.attributes.get("src")]
        named += [(e, e.attributes.get("href")) for e in self.all("link") if e.attributes.get("rel") != "alternate"]
        return {address for _, address in named}

    @property
    def ids(self):
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]
