"""Lines of tasks behind the ids of their items."""

from dispatchfile.reports.tasklogs import log_label, log_lines
from dispatchfile.reports.text import Palette


def test_lines_stand_behind_their_item() -> None:
    """They are printed as they were written, for programs that read a pipe."""
    lines = log_lines("film-1", ["a\tb", "", "\x1b[31mred"], 0, palette=Palette(), safe=False)
    assert list(lines) == ["film-1 | a\tb", "film-1 | ", "film-1 | \x1b[31mred"]


def test_lines_of_standard_error_are_marked() -> None:
    """Behind the task, if the item has several."""
    streams = [log_label("a", "", "stdout"), log_label("a", "", "stderr"), log_label("a", "g[0]/t", "stderr")]
    assert streams == ["a", "a (stderr)", "a g[0]/t (stderr)"]


def test_an_item_without_a_written_id_is_shown_with_its_origin() -> None:
    """A hash alone tells nobody which row it was."""
    label = log_label("encode-5f0c", "t", "stderr", origin="films.csv:3 alien")
    assert label == "encode-5f0c (films.csv:3 alien) t (stderr)"


def test_no_control_character_of_a_task_reaches_a_terminal() -> None:
    """It could rewrite what is shown."""
    assert list(log_lines("a", ["\x1b[2J\ttext"], 0, palette=Palette(), safe=True)) == ["a | \\x1b[2J    text"]


def test_neighbours_have_different_colours() -> None:
    """The same item has the same one in all its lines."""
    palette = Palette(on=True)
    heads = [next(log_lines("a", ["x"], number, palette=palette, safe=True)).partition(" |")[0] for number in range(12)]
    assert len(set(heads)) == 10
    assert heads[0] == heads[10]
    assert heads[0].startswith("\x1b[36m")
