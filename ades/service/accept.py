"""Choosing among media types: the `Accept` header as a pure question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESULTS_PROFILE: Final = "ogc-results"


@dataclass(frozen=True, slots=True)
class Accept:
    """What a client can read: pairs of media range and quality. No pairs means that it did not say."""

    ranges: tuple[tuple[str, float], ...] = ()
    profile: str | None = None
    """The profile that a parameter of a range or of the query names."""

    @classmethod
    def of(cls, ranges: Iterable[tuple[str, float]], profile: str | None = None) -> Accept:
        """From the pairs of a parsed header; parameters of a range are kept only where they name a profile."""
        plain = []
        for value, quality in ranges:
            name, _, parameters = value.partition(";")
            plain.append((name.strip().lower(), quality))
            if "profile" in parameters and quality > 0:
                profile = profile or parameters.partition("profile")[2].strip(' ="')
        return cls(tuple(plain), profile)

    @property
    def wants_results_document(self) -> bool:
        """The profile of the results document is asked for."""
        return bool(self.profile) and RESULTS_PROFILE in str(self.profile)

    @property
    def html_first(self) -> bool:
        """Of all that is named, HTML ranks first."""
        return bool(self.ranges) and max(self.ranges, key=lambda r: (r[1], "*" not in r[0]))[0] == "text/html"

    def names(self, media_type: str) -> bool:
        """The type itself is named, not only a range with a star."""
        return any(name == media_type for name, _ in self.ranges)

    def quality(self, media_type: str) -> float:
        """How welcome a media type is, from 0 to 1; the most specific range decides."""
        if not self.ranges:
            return 1.0
        main = media_type.split("/", 1)[0]
        for candidate in (media_type.lower(), f"{main}/*", "*/*"):
            found = [q for name, q in self.ranges if name == candidate]
            if found:
                return max(found)
        return 0.0

    def best(self, offers: Sequence[str]) -> str | None:
        """The most welcome of the offers, which come in the server's own order; None when none is welcome."""
        ranked = sorted(((self.quality(offer), -place) for place, offer in enumerate(offers)), reverse=True)
        return offers[-ranked[0][1]] if ranked and ranked[0][0] > 0 else None


ANYTHING: Final = Accept()
