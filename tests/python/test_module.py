"""The module as such: it is there, complete and loads."""

import logboom


def test_has_the_projects_version():
    assert logboom.__version__.count(".") == 2
