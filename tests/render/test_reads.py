"""The variables that a template reads."""

import pytest

from dispatchfile.render import variables_read


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("plain", set(), id="no template"),
        pytest.param("{{ vars.key }}-{{ each.slug }}", {"key"}, id="dotted"),
        pytest.param("{{ vars['key'] ~ vars.other | upper }}", {"key", "other"}, id="in brackets, and filtered"),
        pytest.param("{% if vars.key.inner %}{{ item.id }}{% endif %}", {"key"}, id="in a condition, and deeper"),
        pytest.param("{{ env.vars }}", set(), id="something else of that name"),
        pytest.param("{{ vars | tojson }}", None, id="all of them"),
        pytest.param("{% set all = vars %}{{ all.key }}", None, id="under another name"),
        pytest.param("{{ vars[item.id] }}", None, id="by a name that is looked up"),
        pytest.param("{{ vars.get('key') }}", None, id="by a method"),
        pytest.param("{% include 'other.j2' %}", None, id="in another file"),
        pytest.param("{{ broken", None, id="no template at all"),
    ],
)
def test_the_names_are_told_or_it_is_said_that_they_cannot_be(source, names):
    """A name that was overlooked would let a wrong value be sent, so all doubt is None."""
    assert variables_read(source) == names
