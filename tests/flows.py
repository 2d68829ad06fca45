"""Small tools and workflows in CWL."""

from __future__ import annotations

ECHO = """
- class: CommandLineTool
  id: echo
  baseCommand: echo
  inputs: {word: {type: string, inputBinding: {}}, other: {type: 'string?', inputBinding: {position: 2}}}
  outputs: {out: stdout}
  stdout: said.txt
"""

JOIN = """
- class: CommandLineTool
  id: join
  baseCommand: cat
  inputs: {files: {type: 'File[]', inputBinding: {}}}
  outputs: {out: stdout}
  stdout: joined.txt
"""


def flow(steps: str, inputs: str, outputs: str, requirements: str, tools: str = ECHO + JOIN) -> str:
    return (
        "cwlVersion: v1.2\n$graph:\n- class: Workflow\n  id: main\n"
        f"  requirements: {requirements}\n  inputs: {inputs}\n  outputs: {outputs}\n  steps: {steps}\n{tools}"
    )


def tool(body: str, version: str = "v1.2") -> str:
    return f"cwlVersion: {version}\nclass: CommandLineTool\nid: main\n{body}"
