import pytest
from clusters import Site


@pytest.fixture
def make(tmp_path):
    """Makes a site; with the kubelet and the settings that a test wants."""
    sites = []

    def site(kubelet=None, **settings) -> Site:
        folder = tmp_path / f"site{len(sites)}"
        folder.mkdir()
        sites.append(Site(folder, kubelet, **settings).__enter__())
        return sites[-1]

    yield site
    for each in sites:
        each.__exit__(None, None, None)


@pytest.fixture
def site(make):
    return make()
