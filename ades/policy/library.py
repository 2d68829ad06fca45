"""The library of the Rego interpreter, loaded before whatever else is written in C++.

It has an allocator of its own, which the C++ runtime uses too when this library has brought it. When another one has
(greenlet, numpy), the runtime takes its memory elsewhere, the interpreter cannot give it back, and each decision costs
about thirty kilobytes for good.
"""

import regopy

__all__ = ["regopy"]
