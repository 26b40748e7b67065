"""The table of codes and the tree of exceptions: what peers may count on, whoever raises what."""

import ast
import re

import pytest

from fairlead import errors
from fairlead.errors import CODES, FairleadError, LineError, PeerError, ToolError, UsageError
from tests.house.source import sources

RESERVED = range(-32768, -31999)
FROM_JSON_RPC = {-32700, -32600, -32601, -32602, -32603}
FROM_MCP = {-32002, -32042, -32020, -32021, -32022}
NAMED = {name: value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}


def used_codes() -> set[int]:
    """Every code that stands in a source, by its name or as a number."""
    found = set()
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Name) and node.id in NAMED:
                found.add(NAMED[node.id])
            elif (
                isinstance(node, ast.UnaryOp)
                and isinstance(node.op, ast.USub)
                and isinstance(node.operand, ast.Constant)
            ):
                number = node.operand.value
                if isinstance(number, int) and 31000 <= number <= 32768:
                    found.add(-number)
    return found


def test_every_code_that_is_used_stands_in_the_table():
    assert used_codes() - set(CODES) == set()
    assert set(NAMED.values()) == set(CODES)


def test_the_codes_of_the_sources_are_found():
    assert {errors.PARSE_ERROR, errors.INVALID_PARAMS, errors.BUSY, -32002} <= used_codes()


def test_each_row_is_found_by_its_number_and_named_as_its_constant():
    for number, row in CODES.items():
        assert row.number == number
        assert NAMED[row.name] == number


@pytest.mark.requirement("ERR-14")
def test_codes_of_our_own_lie_outside_of_the_reserved_range():
    ours = set(CODES) - FROM_JSON_RPC - FROM_MCP
    assert ours
    assert not [code for code in ours if code in RESERVED]


@pytest.mark.requirement("ERR-15")
def test_of_the_codes_that_mcp_keeps_only_the_known_ones_are_used():
    assert {code for code in used_codes() if code in RESERVED} <= FROM_JSON_RPC | FROM_MCP


def test_the_codes_of_json_rpc_and_mcp_are_all_there():
    assert FROM_JSON_RPC | FROM_MCP <= set(CODES)


@pytest.mark.requirement("ERR-16")
@pytest.mark.parametrize("code", CODES)
def test_an_error_with_a_known_code_tells_whether_to_try_again_and_what_to_do(code):
    error = PeerError(code, "Some text.").describe()
    assert (error["code"], error["message"]) == (code, "Some text.")
    row = CODES[code]
    assert error["data"] == {"errorCode": row.name, "retryable": row.retryable, "next": row.next_step}
    assert isinstance(row.retryable, bool)


def test_an_error_with_a_foreign_code_tells_what_it_was_given_and_no_more():
    assert PeerError(5, "x").describe() == {"code": 5, "message": "x"}
    assert PeerError(5, "x", data={"a": 1}).describe() == {"code": 5, "message": "x", "data": {"a": 1}}


def test_data_of_the_case_is_added_to_that_of_the_table_and_goes_before_it():
    data = PeerError(errors.BUSY, "x", data={"limit": 3, "next": "Wait for one."}).describe()["data"]
    assert data == {"errorCode": "BUSY", "retryable": True, "limit": 3, "next": "Wait for one."}


def test_describing_an_error_does_not_change_it():
    error = PeerError(errors.BUSY, "x", data={"limit": 3})
    error.describe()["data"]["more"] = 1
    assert error.data == {"limit": 3}
    assert error.describe() == error.describe()


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.name)
def test_each_row_reads_as_sentences(row):
    for text in (row.meaning, row.next_step):
        assert re.fullmatch(r"[A-Z].*\.", text), text


def test_one_tree_holds_every_exception_and_each_answers_one_question():
    mine = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(mine) >= 8
    assert all(issubclass(kind, FairleadError) for kind in mine)
    for kind in mine:
        assert sum(issubclass(kind, branch) for branch in (PeerError, UsageError, LineError)) <= 1
        assert re.search("(Error|Timeout|Lost)$", kind.__name__)


def test_a_time_out_is_the_one_that_python_knows():
    assert issubclass(errors.RequestTimeout, TimeoutError)
    assert issubclass(errors.RequestTimeout, LineError)


def test_a_lost_connection_tells_whether_to_repeat():
    assert errors.ConnectionLost("gone", state="not_sent").state == "not_sent"


def test_a_refusal_by_the_other_side_keeps_its_parts():
    error = errors.CallError(-32601, "no such method", {"a": 1})
    assert (error.code, error.message, error.data) == (-32601, "no such method", {"a": 1})
    assert str(error) == "no such method (-32601)"


def test_an_error_for_the_caller_reads_as_its_text():
    assert str(ToolError("Ask for less.")) == "Ask for less."
    assert str(PeerError(errors.BUSY, "Wait.", id=4)) == "Wait."
    assert PeerError(errors.BUSY, "Wait.").id is None
