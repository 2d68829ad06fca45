import os

import opa_library
import pytest

from ades.policy.embedded import EmbeddedPolicy
from ades.policy.opa import OpaPolicy
from ades.settings import Settings


@pytest.fixture(scope="session")
def opa(request):
    """The folder with the library of Open Policy Agent."""
    return opa_library.library(request.config.cache.mkdir("opa"))


@pytest.fixture(scope="session")
def opa_url(opa, tmp_path_factory):
    """A server with the shipped policy."""
    with opa_library.serve(opa, tmp_path_factory.mktemp("opa"), opa_library.POLICY) as url:
        yield url


@pytest.fixture(params=["embedded", "opa"])
def policy(request):
    """Each evaluator with the shipped policy, without a cache in front."""
    if request.param == "embedded":
        return EmbeddedPolicy(size=os.cpu_count())
    return OpaPolicy(Settings(policy=request.getfixturevalue("opa_url"), policy_timeout=10))
