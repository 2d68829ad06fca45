"""Packages of shell scripts for the tests of the cluster."""

from __future__ import annotations


def tool(script: str, requirements: dict | None = None, **more) -> dict:
    """A tool that runs a script; what it prints is its output."""
    needs = {"ResourceRequirement": {"coresMin": 1, "ramMin": 64, "ramMax": 128}, **(requirements or {})}
    content = {"class": "CommandLineTool", "inputs": {}, "outputs": {}, "baseCommand": ["sh", "-c", script]}
    return content | {"requirements": needs} | more


def printing(script: str, requirements: dict | None = None) -> dict:
    """A tool whose output is what it prints, in a file whose name a shell would take apart."""
    return tool(script, requirements, outputs={"out": {"type": "stdout"}}, stdout="out file.txt")


def workflow(**steps) -> dict:
    """A workflow of steps that do not know each other; a text is a script that prints."""
    made = {
        name: {"run": printing(content) if isinstance(content, str) else content, "in": {}, "out": ["out"]}
        for name, content in steps.items()
    }
    outputs = {f"o{n}": {"type": "File", "outputSource": f"{name}/out"} for n, name in enumerate(made)}
    return {"cwlVersion": "v1.2", "class": "Workflow", "id": "main", "inputs": {}, "outputs": outputs, "steps": made}


def alone(content: dict) -> dict:
    """A tool as a package of its own."""
    return {"cwlVersion": "v1.2", "id": "tool", **content}
