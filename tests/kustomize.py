"""As much of Kustomize as deploy/argocd uses, so that the manifests can be rendered where there is no kubectl.

Resources, `namespace`, `images` and strategic-merge patches by name. Anything else in a kustomization is an error, and
where kubectl is there, a test compares.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_KNOWN = {"apiVersion", "kind", "resources", "namespace", "images", "patches"}
_CLUSTER = {"ClusterRole", "ClusterRoleBinding", "Namespace"}


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization."""
    wanted = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert wanted.keys() <= _KNOWN, f"{folder}: {wanted.keys() - _KNOWN} is not known here"
    objects: list[Object] = []
    for name in wanted["resources"]:
        path = folder / name
        objects += render(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for patch in wanted.get("patches", []):
        assert patch.keys() == {"path"}, f"{folder}: only patches with a path are known here"
        _patch(objects, yaml.safe_load((folder / patch["path"]).read_text()))
    for image in wanted.get("images", []):
        _rename(objects, image)
    if "namespace" in wanted:
        _move(objects, wanted["namespace"])
    return objects


def _named(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _patch(objects: list[Object], patch: Object) -> None:
    (target,) = [item for item in objects if _named(item) == _named(patch)]
    _merge(target, patch)


def _merge(target: Object, patch: Object) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            assert not isinstance(value, list), "lists are merged by kind, which is not known here"
            target[key] = copy.deepcopy(value)


def _rename(node: Any, image: dict[str, str]) -> None:
    if isinstance(node, list):
        for one in node:
            _rename(one, image)
    elif isinstance(node, dict):
        name, _, tag = str(node.get("image", "")).rpartition(":")
        if name == image["name"]:
            node["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"
        for one in node.values():
            _rename(one, image)


def _move(objects: list[Object], namespace: str) -> None:
    accounts = {item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"}
    for item in objects:
        if item["kind"] == "Namespace":
            item["metadata"]["name"] = namespace
        elif item["kind"] not in _CLUSTER:
            item["metadata"]["namespace"] = namespace
        for subject in item.get("subjects", []):
            if subject["kind"] == "ServiceAccount" and subject["name"] in accounts:
                subject["namespace"] = namespace
