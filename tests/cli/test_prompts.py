"""`fairlead prompts`: what there is, and what one says."""

import json

from tests.cli.visits import harboured, visit


def test_prompts_are_listed_with_their_arguments(capsys):
    with harboured() as url:
        code, out, _ = visit(capsys, "prompts", url)
        assert code == 0 and out.splitlines()[1].split() == ["explain", "topic", "Explain."]
        assert json.loads(visit(capsys, "prompts", "--json", url)[1])[0]["name"] == "explain"


def test_a_prompt_is_filled_in(capsys):
    with harboured() as url:
        assert visit(capsys, "prompts", url, "explain", "topic=the tide") == (0, "user: Explain the tide\n", "")
        told = json.loads(visit(capsys, "prompts", "--json", url, "explain", "topic=1")[1])
        assert told["messages"][0]["content"]["text"] == "Explain 1"


def test_a_prompt_that_is_not_there_is_exit_code_5_and_a_word_that_is_no_argument_1(capsys):
    with harboured() as url:
        assert visit(capsys, "prompts", url, "none")[0] == 5
        assert visit(capsys, "prompts", url, "explain", "topic")[0] == 1
