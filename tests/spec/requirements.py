"""What the Model Context Protocol asks of a server, a clause a line, and the tests that prove each.

The clauses are in our own words; `source` says where the specification (or our WebSocket binding, which
is a page of the documentation) puts them. `test_requirements.py` holds this table to the tests and the
tests to this table. A clause without its test yet is `pending`; once `COMPLETE` is set, none may be.
"""

from dataclasses import dataclass

COMPLETE = True

HANDSHAKE = "2024-11-05 to 2025-11-25"
STATELESS = "2026-07-28"
BINDING = "WebSocket binding"
TASKS = "2026-07-28, extension tasks"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One clause. A test is named as pytest does: `tests/kernel/test_x.py::test_y`, or `…::TestX::test_y`."""

    id: str
    clause: str
    source: str
    tests: tuple[str, ...] = ()
    pending: bool = False


REQUIREMENTS: tuple[Requirement, ...] = (
    # --- two eras, five versions ---
    Requirement(
        id="ERA-01",
        clause="A request whose _meta names a protocol version is stateless.",
        source=f"{STATELESS}: versioning",
        tests=(
            "tests/serve/test_lines_alike.py::test_a_conversation_goes_the_same_over_every_line_in_both_eras",
            "tests/kernel/test_server.py::test_one_session_carries_a_handshake_client_and_stateless_requests",
        ),
    ),
    Requirement(
        id="ERA-02",
        clause="initialize opens a handshake session on its connection.",
        source=f"{HANDSHAKE}: lifecycle",
        tests=(
            "tests/serve/test_lines_alike.py::test_a_conversation_goes_the_same_over_every_line_in_both_eras",
            "tests/kernel/test_server.py::test_initialize_is_answered_with_the_version_asked_for",
        ),
    ),
    Requirement(
        id="ERA-03",
        clause="The era is told for each message: one connection can carry a handshake session and stateless requests.",
        source=f"{STATELESS}: versioning, servers of both eras",
        tests=(
            "tests/serve/test_lines_alike.py::test_both_eras_share_one_line",
            "tests/kernel/test_server.py::test_one_session_carries_a_handshake_client_and_stateless_requests",
        ),
    ),
    Requirement(
        id="ERA-04",
        clause="initialize with a version that the server has is answered with that version.",
        source=f"{HANDSHAKE}: lifecycle, version negotiation",
        tests=(
            "tests/kernel/test_server.py::test_initialize_is_answered_with_the_version_asked_for",
            "tests/interop/test_sdk_offers.py::test_the_sdk_connects_and_learns_who_serves",
        ),
    ),
    Requirement(
        id="ERA-05",
        clause="initialize with an unknown version is answered with one that the server has.",
        source=f"{HANDSHAKE}: lifecycle, version negotiation",
        tests=(
            "tests/kernel/test_server.py::test_initialize_with_an_unknown_version_is_answered_with_one_that_is_served",
        ),
    ),
    Requirement(
        id="ERA-06",
        clause="The answer to initialize holds the version, the capabilities and the name and version of the server.",
        source=f"{HANDSHAKE}: lifecycle, initialization",
        tests=(
            "tests/kernel/test_server.py::test_initialize_is_answered_with_the_version_asked_for",
            "tests/interop/test_sdk_offers.py::test_the_sdk_connects_and_learns_who_serves",
        ),
    ),
    Requirement(
        id="ERA-07",
        clause="Until the client has said that it is initialized, the server sends it no request but ping.",
        source=f"{HANDSHAKE}: lifecycle, initialization",
        tests=(
            "tests/kernel/test_listening.py::test_before_the_client_is_initialized_nothing_is_told",
            "tests/kernel/test_asking.py::test_a_client_that_has_not_said_that_it_is_initialized_is_asked_nothing_but_ping",
        ),
    ),
    Requirement(
        id="ERA-08",
        clause="Before initialize is answered, nothing but ping is served to a handshake client.",
        source=f"{HANDSHAKE}: lifecycle, initialization",
        tests=(
            "tests/kernel/test_server.py::test_before_initialize_a_request_without_a_version_is_refused_with_the_next_step",
            "tests/kernel/test_server.py::test_ping_is_answered_before_the_handshake_and_after",
        ),
    ),
    Requirement(
        id="ERA-09",
        clause="Each version has its own methods and notifications; one of another version is unknown.",
        source="all versions: schema",
        tests=(
            "tests/kernel/test_server.py::test_each_version_has_its_own_methods",
            "tests/spec/test_methods.py::test_each_version_has_the_methods_and_notifications_of_its_column",
            "tests/interop/test_sdk_calls.py::test_a_method_that_is_not_there_is_an_error_in_the_sdk",
        ),
    ),
    Requirement(
        id="ERA-10",
        clause="Both sides use only capabilities that were agreed on in the handshake.",
        source=f"{HANDSHAKE}: lifecycle, operation",
        tests=(
            "tests/serve/test_port.py::test_a_client_that_cannot_be_asked_is_not",
            "tests/kernel/test_requests.py::test_without_completions_the_method_and_its_capability_do_not_exist",
            "tests/kernel/test_asking.py::test_a_handshake_client_is_asked_only_what_it_declared",
            "tests/interop/test_sdk_asking.py::test_a_client_of_the_sdk_that_cannot_be_asked_is_not",
        ),
    ),
    Requirement(
        id="ERA-11",
        clause="No elicitation is asked of a client below 2025-06-18, and no URL elicitation below 2025-11-25.",
        source="2025-06-18, 2025-11-25: elicitation",
        tests=("tests/kernel/test_asking.py::test_a_question_exists_from_its_version_on",),
    ),
    Requirement(
        id="ERA-12",
        clause="A batch is received on 2025-03-26 and each request in it is answered.",
        source="2025-03-26: messages",
        tests=(
            "tests/serve/test_lines_alike.py::test_a_batch_is_answered_in_one_frame_on_every_line",
            "tests/kernel/test_batch.py::test_the_answers_of_a_batch_go_out_together_when_the_last_is_there",
        ),
    ),
    Requirement(
        id="ERA-13",
        clause="initialize never stands in a batch.",
        source="2025-03-26: lifecycle",
        tests=("tests/kernel/test_batch.py::test_initialize_is_never_part_of_a_batch",),
    ),
    Requirement(
        id="ERA-14",
        clause="From 2025-06-18 on there is no batch.",
        source="2025-06-18 and later: messages",
        tests=(
            "tests/kernel/test_batch.py::test_where_the_version_has_no_batches_one_is_refused_as_a_whole",
            "tests/kernel/test_batch.py::test_a_stateless_request_is_never_part_of_a_batch",
        ),
    ),
    Requirement(
        id="ERA-15",
        clause="A batch of notifications and responses alone has no answer.",
        source="JSON-RPC 2.0: batch",
        tests=("tests/kernel/test_batch.py::test_a_batch_of_notifications_and_answers_alone_has_no_answer",),
    ),
    Requirement(
        id="ERA-16",
        clause=(
            "Structured content is sent where the version has it: an object from 2025-06-18, any JSON value in the "
            "stateless era, none before."
        ),
        source="2025-06-18 and later: tools, structured content",
        tests=(
            "tests/kernel/test_answers.py::test_structured_content_is_sent_where_the_version_has_it",
            "tests/kernel/test_answers.py::test_structured_content_is_an_object_until_the_stateless_era",
            "tests/catalog/test_outcome.py::test_an_object_stays_one_and_anything_else_becomes_one_for_older_clients",
            "tests/interop/test_sdk_calls.py::test_the_sdk_gets_numbers_text_objects_and_pictures",
        ),
    ),
    Requirement(
        id="ERA-17",
        clause="Structured content fits the output schema that the tool declares.",
        source="2025-06-18 and later: tools, output schema",
        tests=(
            "tests/kernel/test_answers.py::test_a_value_that_is_not_what_was_declared_is_an_error_and_not_sent",
            "tests/interop/test_sdk_calls.py::test_the_sdk_gets_numbers_text_objects_and_pictures",
        ),
    ),
    Requirement(
        id="ERA-18",
        clause="ping is answered in the handshake era with an empty result.",
        source=f"{HANDSHAKE}: ping",
        tests=(
            "tests/serve/test_conversation.py::test_ping_is_answered_while_tools_run_and_while_one_blocks_its_thread",
            "tests/kernel/test_server.py::test_ping_is_answered_before_the_handshake_and_after",
            "tests/interop/test_sdk_calls.py::test_the_sdk_is_answered_at_once_while_a_tool_holds_a_thread",
        ),
    ),
    # --- the stateless era ---
    Requirement(
        id="STATELESS-01",
        clause="The _meta of every request holds the protocol version and the client's capabilities; "
        "a missing one is -32602.",
        source=f"{STATELESS}: request metadata",
        tests=(
            "tests/kernel/test_server.py::test_a_missing_member_of_meta_is_named",
            "tests/kernel/test_server.py::test_a_method_of_the_stateless_era_asks_for_its_version",
        ),
    ),
    Requirement(
        id="STATELESS-02",
        clause="An unknown version is -32022, whose data lists the supported versions and the requested one.",
        source=f"{STATELESS}: versioning",
        tests=(
            "tests/kernel/test_server.py::test_a_version_that_is_not_served_stateless_is_refused_with_what_is",
            "tests/kernel/test_server.py::test_of_an_unknown_version_nothing_else_is_judged",
        ),
    ),
    Requirement(
        id="STATELESS-03",
        clause="server/discover is served.",
        source=f"{STATELESS}: discovery",
        tests=(
            "tests/kernel/test_requests.py::test_discover_tells_versions_capabilities_and_instructions",
            "tests/interop/test_sdk_offers.py::test_the_sdk_connects_and_learns_who_serves",
        ),
    ),
    Requirement(
        id="STATELESS-04",
        clause="A request needs no earlier one: nothing of a connection is remembered for the next request.",
        source=f"{STATELESS}: lifecycle",
        tests=(
            "tests/kernel/test_server.py::test_one_session_carries_a_handshake_client_and_stateless_requests",
            "tests/kernel/test_server.py::test_what_a_stateless_call_puts_away_is_not_there_for_the_next",
            "tests/interop/test_sdk_offers.py::test_the_sdk_needs_no_discovery_where_it_knows_the_version",
        ),
    ),
    Requirement(
        id="STATELESS-05",
        clause="Every result has a resultType.",
        source=f"{STATELESS}: results",
        tests=(
            "tests/kernel/test_answers.py::test_results_name_the_server_and_only_those_that_keep_say_how_long",
            "tests/kernel/test_parking.py::test_a_suspended_call_is_found_again_under_a_new_id_and_goes_on",
        ),
    ),
    Requirement(
        id="STATELESS-06",
        clause="Every result names the server in its _meta (a SHOULD, kept as a MUST here).",
        source=f"{STATELESS}: results",
        tests=("tests/kernel/test_answers.py::test_results_name_the_server_and_only_those_that_keep_say_how_long",),
    ),
    Requirement(
        id="STATELESS-07",
        clause=(
            "Complete results of discover, of the four lists and of resources/read carry ttlMs (0 or more) and "
            "cacheScope (public or private)."
        ),
        source=f"{STATELESS}: caching",
        tests=("tests/kernel/test_answers.py::test_results_name_the_server_and_only_those_that_keep_say_how_long",),
    ),
    Requirement(
        id="STATELESS-08",
        clause="All pages of one list have one cacheScope.",
        source=f"{STATELESS}: caching, pagination",
        tests=("tests/kernel/test_answers.py::test_results_name_the_server_and_only_those_that_keep_say_how_long",),
    ),
    Requirement(
        id="STATELESS-09",
        clause="The answer to a retry with input is not marked as cacheable.",
        source=f"{STATELESS}: caching, MRTR",
        tests=("tests/kernel/test_parking.py::test_the_answer_to_a_retry_is_not_to_be_kept",),
    ),
    Requirement(
        id="STATELESS-10",
        clause="Input is asked for only in the results of tools/call, prompts/get and resources/read.",
        source=f"{STATELESS}: multi-round-trip requests",
        tests=("tests/kernel/test_parking.py::test_a_suspended_call_is_found_again_under_a_new_id_and_goes_on",),
    ),
    Requirement(
        id="STATELESS-11",
        clause="A result that asks for input holds inputRequests, requestState or both.",
        source=f"{STATELESS}: multi-round-trip requests",
        tests=(
            "tests/serve/test_suspending.py::test_a_question_comes_as_a_result_and_its_answer_with_the_next_request",
            "tests/kernel/test_parking.py::test_a_suspended_call_is_found_again_under_a_new_id_and_goes_on",
            "tests/interop/test_sdk_asking.py::test_a_tool_asks_the_user_of_the_sdk_twice",
            "tests/interop/test_sdk_asking.py::test_the_state_of_a_question_may_be_kept_and_brought_back_over_another_line",
        ),
    ),
    Requirement(
        id="STATELESS-12",
        clause=(
            "A retry comes under a new id with inputResponses and the state as it was given, and goes on from there."
        ),
        source=f"{STATELESS}: multi-round-trip requests",
        tests=(
            "tests/serve/test_suspending.py::test_a_question_comes_as_a_result_and_its_answer_with_the_next_request",
            "tests/kernel/test_parking.py::test_a_suspended_call_is_found_again_under_a_new_id_and_goes_on",
            "tests/kernel/test_parking.py::test_the_retry_may_come_on_another_line",
            "tests/interop/test_sdk_asking.py::test_a_tool_asks_the_user_of_the_sdk_twice",
            "tests/interop/test_sdk_asking.py::test_the_state_of_a_question_may_be_kept_and_brought_back_over_another_line",
        ),
    ),
    Requirement(
        id="STATELESS-13",
        clause="A state whose integrity does not hold is refused.",
        source=f"{STATELESS}: multi-round-trip requests, security",
        tests=(
            "tests/serve/test_suspending.py::test_a_state_of_another_server_or_of_other_arguments_is_refused",
            "tests/kernel/test_parking.py::test_a_state_that_was_changed_is_refused_and_the_call_waits_on",
            "tests/interop/test_sdk_asking.py::test_the_state_of_a_question_may_be_kept_and_brought_back_over_another_line",
        ),
    ),
    Requirement(
        id="STATELESS-14",
        clause="A state is refused from anyone but the caller that it was given to.",
        source=f"{STATELESS}: multi-round-trip requests, security",
        tests=("tests/kernel/test_parking.py::test_a_state_of_another_caller_is_refused",),
    ),
    Requirement(
        id="STATELESS-15",
        clause="A state that has expired is refused.",
        source=f"{STATELESS}: multi-round-trip requests, security",
        tests=(
            "tests/serve/test_suspending.py::test_a_suspended_call_that_nobody_comes_back_for_is_ended",
            "tests/kernel/test_parking.py::test_a_state_that_has_expired_is_refused",
        ),
    ),
    Requirement(
        id="STATELESS-16",
        clause=(
            "Input is asked for only in kinds that this request's capabilities name; else -32021 with "
            "data.requiredCapabilities."
        ),
        source=f"{STATELESS}: client capabilities",
        tests=(
            "tests/serve/test_suspending.py::test_a_request_that_did_not_declare_what_is_needed_is_refused_with_what_it_is",
            "tests/kernel/test_asking.py::test_a_stateless_request_that_lacks_a_capability_is_told_which",
            "tests/kernel/test_asking.py::test_the_capabilities_of_a_handshake_do_not_count_for_a_stateless_request",
            "tests/interop/test_sdk_asking.py::test_a_client_of_the_sdk_that_cannot_be_asked_is_not",
        ),
    ),
    Requirement(
        id="STATELESS-17",
        clause="The first message on a subscription is its acknowledgement.",
        source=f"{STATELESS}: subscriptions",
        tests=(
            "tests/kernel/test_listening.py::test_the_acknowledgement_comes_first_and_every_message_carries_the_subscription",
            "tests/interop/test_sdk_listening.py::test_the_sdk_listens_to_lists_and_resources",
        ),
    ),
    Requirement(
        id="STATELESS-18",
        clause="Every message on a subscription carries the id of the listen request as its subscriptionId.",
        source=f"{STATELESS}: subscriptions",
        tests=(
            "tests/kernel/test_listening.py::test_the_acknowledgement_comes_first_and_every_message_carries_the_subscription",
            "tests/interop/test_sdk_listening.py::test_the_sdk_listens_to_lists_and_resources",
            "tests/interop/test_sdk_listening.py::test_two_streams_of_the_sdk_are_told_apart_and_one_may_end",
        ),
    ),
    Requirement(
        id="STATELESS-19",
        clause="A subscription carries only the kinds that were opted into.",
        source=f"{STATELESS}: subscriptions",
        tests=(
            "tests/kernel/test_listening.py::test_a_subscription_carries_only_what_was_opted_into",
            "tests/kernel/test_listening.py::test_a_peer_that_never_shook_hands_is_told_nothing_it_did_not_ask_for",
            "tests/interop/test_sdk_listening.py::test_the_sdk_hears_only_what_it_listens_to",
        ),
    ),
    Requirement(
        id="STATELESS-20",
        clause="A cancelled subscription carries nothing more.",
        source=f"{STATELESS}: subscriptions",
        tests=(
            "tests/kernel/test_listening.py::test_a_cancelled_subscription_carries_nothing_more",
            "tests/interop/test_sdk_listening.py::test_two_streams_of_the_sdk_are_told_apart_and_one_may_end",
        ),
    ),
    Requirement(
        id="STATELESS-21",
        clause="A log message is sent only for a request that named a logLevel, and not below that level.",
        source=f"{STATELESS}: logging",
        tests=(
            "tests/kernel/test_answers.py::test_a_stateless_request_is_sent_log_messages_only_if_it_named_a_level",
            "tests/interop/test_sdk_calls.py::test_the_sdk_is_sent_the_log_that_it_asked_for",
            "tests/interop/test_sdk_calls.py::test_the_sdk_is_sent_no_log_in_the_stateless_era_unless_it_asks",
        ),
    ),
    Requirement(
        id="STATELESS-22",
        clause="No log message goes over a subscription.",
        source=f"{STATELESS}: logging, subscriptions",
        tests=("tests/kernel/test_listening.py::test_no_log_message_goes_over_a_subscription_whatever_level_it_named",),
    ),
    Requirement(
        id="STATELESS-23",
        clause="The server sends no request.",
        source=f"{STATELESS}: messages",
        tests=(
            "tests/serve/test_suspending.py::test_a_question_comes_as_a_result_and_its_answer_with_the_next_request",
            "tests/kernel/test_asking.py::test_ping_is_never_asked_of_a_stateless_client",
        ),
    ),
    Requirement(
        id="STATELESS-24",
        clause="A list does not vary by connection.",
        source=f"{STATELESS}: lists",
        tests=(
            "tests/kernel/test_requests.py::test_a_list_is_the_same_on_every_connection_in_the_order_of_registration",
        ),
    ),
    Requirement(
        id="STATELESS-25",
        clause="A list comes in one order, always.",
        source=f"{STATELESS}: lists",
        tests=(
            "tests/kernel/test_requests.py::test_a_list_is_the_same_on_every_connection_in_the_order_of_registration",
            "tests/interop/test_sdk_offers.py::test_the_sdk_walks_every_list_page_by_page",
        ),
    ),
    Requirement(
        id="STATELESS-26",
        clause="initialize, ping and the other methods of the handshake era are unknown in a stateless request.",
        source=f"{STATELESS}: schema",
        tests=("tests/kernel/test_server.py::test_each_version_has_its_own_methods",),
    ),
    # --- errors ---
    Requirement(
        id="ERR-01",
        clause="What is no JSON is -32700: also NaN, numbers out of range, nesting past the limit, bad UTF-8.",
        source="JSON-RPC 2.0: errors",
        tests=(
            "tests/fuzz/test_decoder.py::test_twenty_thousand_inputs_make_a_message_or_an_error_each",
            "tests/wire/test_decode.py::test_a_batch_that_is_no_json_is_a_parse_error",
            "tests/wire/test_limits.py::test_a_message_may_nest_64_deep_and_not_65",
            "tests/wire/test_refusals.py::test_what_is_no_json_is_a_parse_error",
            "tests/wire/test_refusals.py::test_what_is_no_json_is_a_parse_error_under_the_id_that_can_be_read",
            "tests/wire/test_refusals.py::test_a_number_past_the_doubles_is_a_parse_error_wherever_it_stands",
            "tests/wire/test_refusals.py::test_bytes_that_are_not_utf_8_are_a_parse_error_under_the_id_that_can_be_read",
        ),
    ),
    Requirement(
        id="ERR-02",
        clause="JSON that is no JSON-RPC message is -32600.",
        source="JSON-RPC 2.0: errors",
        tests=(
            "tests/kernel/test_batch.py::test_members_that_are_no_messages_are_refused_one_by_one",
            "tests/fuzz/test_decoder.py::test_twenty_thousand_inputs_make_a_message_or_an_error_each",
            "tests/wire/test_decode.py::test_params_that_are_a_scalar_are_refused_under_the_id",
            "tests/wire/test_decode.py::test_a_result_with_a_real_error_beside_it_is_refused_and_not_answered",
            "tests/wire/test_decode.py::test_a_message_that_says_nothing_is_refused_under_its_id",
            "tests/wire/test_decode.py::test_a_message_that_asks_and_answers_is_refused",
            "tests/wire/test_decode.py::test_an_object_that_is_no_message_is_refused_under_its_id",
            "tests/wire/test_decode.py::test_json_that_is_no_message_is_refused",
            "tests/wire/test_decode.py::test_a_key_of_the_envelope_that_stands_twice_is_refused",
        ),
    ),
    Requirement(
        id="ERR-03",
        clause="An empty batch is -32600.",
        source="JSON-RPC 2.0: batch",
        tests=(
            "tests/kernel/test_batch.py::test_an_empty_batch_is_refused_with_one_error",
            "tests/wire/test_decode.py::test_an_empty_batch_is_refused",
        ),
    ),
    Requirement(
        id="ERR-04",
        clause="A batch where the version has none is -32600.",
        source="2025-06-18 and later: messages",
        tests=(
            "tests/kernel/test_batch.py::test_where_the_version_has_no_batches_one_is_refused_as_a_whole",
            "tests/kernel/test_batch.py::test_a_stateless_request_is_never_part_of_a_batch",
        ),
    ),
    Requirement(
        id="ERR-05",
        clause="An unknown method is -32601.",
        source="JSON-RPC 2.0: errors",
        tests=(
            "tests/kernel/test_server.py::test_an_unknown_method_is_named",
            "tests/interop/test_sdk_calls.py::test_a_method_that_is_not_there_is_an_error_in_the_sdk",
        ),
    ),
    Requirement(
        id="ERR-06",
        clause="A method behind a capability that is not advertised is -32601.",
        source="all versions: capabilities",
        tests=("tests/kernel/test_requests.py::test_without_completions_the_method_and_its_capability_do_not_exist",),
    ),
    Requirement(
        id="ERR-07",
        clause="An unknown tool is -32602 in every version.",
        source="all versions: tools, errors",
        tests=(
            "tests/kernel/test_requests.py::test_an_unknown_tool_is_a_protocol_error_in_every_version",
            "tests/interop/test_sdk_calls.py::test_the_sdk_tells_a_tool_that_fails_from_a_call_that_is_wrong",
        ),
    ),
    Requirement(
        id="ERR-08",
        clause="An unknown prompt is -32602.",
        source="all versions: prompts, errors",
        tests=(
            "tests/kernel/test_requests.py::test_an_unknown_prompt_is_refused",
            "tests/interop/test_sdk_offers.py::test_the_sdk_gets_prompts_and_is_told_what_is_not_there",
        ),
    ),
    Requirement(
        id="ERR-09",
        clause="Params that do not fit the schema of the method are -32602.",
        source="JSON-RPC 2.0: errors",
        tests=(
            "tests/kernel/test_server.py::test_params_that_do_not_fit_are_refused_with_their_path_and_not_their_value",
        ),
    ),
    Requirement(
        id="ERR-10",
        clause="A cursor that the server did not give out is -32602.",
        source="all versions: pagination",
        tests=(
            "tests/kernel/test_requests.py::test_a_cursor_from_elsewhere_is_refused",
            "tests/kernel/test_requests.py::test_a_cursor_of_another_list_or_another_server_is_refused",
            "tests/kernel/test_requests.py::test_a_cursor_that_was_changed_on_the_way_is_refused",
            "tests/catalog/test_cursor.py::test_any_other_text_is_refused",
            "tests/catalog/test_cursor.py::test_a_cursor_with_one_character_changed_or_added_is_refused",
            "tests/interop/test_sdk_offers.py::test_a_cursor_that_the_server_did_not_give_is_an_error_in_the_sdk",
        ),
    ),
    Requirement(
        id="ERR-11",
        clause="A resource that is not there is -32002 in the handshake era and -32602 in the stateless one.",
        source="all versions: resources, errors",
        tests=(
            "tests/kernel/test_requests.py::test_a_resource_that_is_not_there_has_the_code_of_its_version",
            "tests/interop/test_sdk_offers.py::test_the_sdk_reads_text_bytes_json_and_templates_and_is_told_what_is_not_there",
        ),
    ),
    Requirement(
        id="ERR-12",
        clause="A defect of the server is -32603, and its text never reaches the peer.",
        source="all versions: errors, security",
        tests=(
            "tests/serve/test_conversation.py::test_the_text_of_an_exception_reaches_neither_the_peer_nor_the_log",
            "tests/kernel/test_server.py::test_an_exception_in_the_types_of_an_author_is_a_masked_answer_and_kept_for_the_log",
            "tests/kernel/test_answers.py::test_what_is_no_tool_fails_with_an_error",
            "tests/kernel/test_answers.py::test_a_value_that_cannot_be_written_is_answered_all_the_same",
            "tests/interop/test_sdk_calls.py::test_the_sdk_tells_a_tool_that_fails_from_a_call_that_is_wrong",
        ),
    ),
    Requirement(
        id="ERR-13",
        clause="-32042 is used on 2025-11-25 alone.",
        source="2025-11-25: URL elicitation",
        tests=("tests/kernel/test_url_error.py::test_only_one_version_knows_the_error_that_asks_for_a_url",),
    ),
    Requirement(
        id="ERR-14",
        clause="No code of ours lies in the range that JSON-RPC and MCP keep for themselves.",
        source=f"{STATELESS}: error codes",
        tests=("tests/test_errors.py::test_codes_of_our_own_lie_outside_of_the_reserved_range",),
    ),
    Requirement(
        id="ERR-15",
        clause="The rest of -32020 to -32099 is never sent.",
        source=f"{STATELESS}: error codes",
        tests=("tests/test_errors.py::test_of_the_codes_that_mcp_keeps_only_the_known_ones_are_used",),
    ),
    Requirement(
        id="ERR-16",
        clause="Every error of our own says in its data whether it may be tried again.",
        source="Fairlead: errors",
        tests=("tests/test_errors.py::test_an_error_with_a_known_code_tells_whether_to_try_again_and_what_to_do",),
    ),
    Requirement(
        id="ERR-17",
        clause="Arguments that do not fit a tool are -32602 through 2025-06-18 and an isError "
        "result from 2025-11-25 on.",
        source="all versions: tools, errors",
        tests=(
            "tests/kernel/test_requests.py::test_arguments_that_do_not_fit_are_told_as_the_version_has_it",
            "tests/interop/test_sdk_calls.py::test_the_sdk_tells_a_tool_that_fails_from_a_call_that_is_wrong",
        ),
    ),
    Requirement(
        id="ERR-18",
        clause="A tool that raises makes an isError result.",
        source="all versions: tools, errors",
        tests=(
            "tests/serve/test_conversation.py::test_the_text_of_an_exception_reaches_neither_the_peer_nor_the_log",
            "tests/kernel/test_answers.py::test_a_tool_that_raises_is_an_error_result_with_only_what_was_meant_for_the_caller",
            "tests/interop/test_sdk_calls.py::test_the_sdk_tells_a_tool_that_fails_from_a_call_that_is_wrong",
        ),
    ),
    Requirement(
        id="ERR-19",
        clause="An error has the id of its request.",
        source="JSON-RPC 2.0: response",
        tests=(
            "tests/kernel/test_server.py::test_an_id_comes_back_exactly",
            "tests/wire/test_encode.py::test_a_refusal_has_the_id_that_was_read_unless_another_is_given",
        ),
    ),
    Requirement(
        id="ERR-20",
        clause="An error to a message whose id could not be read has no id, or a null one where "
        "the version asks for it.",
        source="all versions: messages",
        tests=(
            "tests/kernel/test_batch.py::test_members_that_are_no_messages_are_refused_one_by_one",
            "tests/wire/test_encode.py::test_a_refusal_without_a_known_id_has_none",
        ),
    ),
    Requirement(
        id="ERR-21",
        clause="An error response carries no result, and a result no error.",
        source="JSON-RPC 2.0: response",
        tests=(
            "tests/kernel/test_answers.py::test_a_tool_that_raises_is_an_error_result_with_only_what_was_meant_for_the_caller",
            "tests/wire/test_encode.py::test_an_answer_has_a_result_and_a_refusal_an_error_and_neither_both",
        ),
    ),
    # --- what is easily missed ---
    Requirement(
        id="SERVER-01",
        clause="A version that is known but disabled is -32022 like an unknown one.",
        source=f"{STATELESS}: versioning",
        tests=("tests/kernel/test_server.py::test_a_version_that_is_not_served_stateless_is_refused_with_what_is",),
    ),
    Requirement(
        id="SERVER-02",
        clause="Progress of one request strictly increases.",
        source="2025-03-26 and later: progress",
        tests=(
            "tests/serve/test_port.py::test_progress_and_log_come_before_the_result_and_in_order",
            "tests/kernel/test_answers.py::test_progress_strictly_increases_and_stops_at_the_answer",
            "tests/interop/test_sdk_calls.py::test_the_sdk_hears_of_progress_before_the_result",
        ),
    ),
    Requirement(
        id="SERVER-03",
        clause="Progress stops at the answer.",
        source="all versions: progress",
        tests=(
            "tests/serve/test_port.py::test_progress_and_log_come_before_the_result_and_in_order",
            "tests/kernel/test_answers.py::test_progress_strictly_increases_and_stops_at_the_answer",
        ),
    ),
    Requirement(
        id="SERVER-04",
        clause="Progress is sent only for a request that came with a token.",
        source="all versions: progress",
        tests=(
            "tests/kernel/test_answers.py::test_progress_strictly_increases_and_stops_at_the_answer",
            "tests/kernel/test_answers.py::test_without_a_token_there_is_no_progress",
            "tests/interop/test_sdk_calls.py::test_the_sdk_hears_of_progress_before_the_result",
        ),
    ),
    Requirement(
        id="SERVER-05",
        clause="Nothing more is sent for a request after its cancellation.",
        source="all versions: cancellation",
        tests=(
            "tests/serve/test_conversation.py::test_a_cancelled_generator_is_closed_and_a_thread_is_told",
            "tests/kernel/test_server.py::test_after_its_cancellation_nothing_is_sent_for_a_call",
            "tests/kernel/test_listening.py::test_a_cancelled_subscription_carries_nothing_more",
            "tests/kernel/test_properties.py::test_no_walk_speaks_for_a_call_that_ended_or_leaks_one",
            "tests/interop/test_sdk_calls.py::test_a_call_that_the_sdk_gives_up_ends_on_the_server",
            "tests/interop/test_sdk_calls.py::test_a_call_that_takes_the_sdk_too_long_ends_on_the_server",
        ),
    ),
    Requirement(
        id="SERVER-06",
        clause="initialize cannot be cancelled.",
        source=f"{HANDSHAKE}: cancellation",
        tests=("tests/kernel/test_server.py::test_initialize_cannot_be_cancelled",),
    ),
    Requirement(
        id="SERVER-07",
        clause="A cancellation of a request that is unknown or already answered is ignored.",
        source="all versions: cancellation",
        tests=("tests/kernel/test_server.py::test_a_cancellation_that_names_nothing_in_flight_does_nothing",),
    ),
    Requirement(
        id="SERVER-08",
        clause="Completion returns at most 100 values.",
        source="all versions: completion",
        tests=(
            "tests/catalog/test_completion.py::test_an_answer_has_at_most_a_hundred_values_and_says_how_many_there_are",
            "tests/interop/test_sdk_offers.py::test_the_sdk_completes_arguments_of_prompts_and_templates",
        ),
    ),
    Requirement(
        id="SERVER-09",
        clause="ping is answered at once, also while tools run.",
        source=f"{HANDSHAKE}: ping",
        tests=(
            "tests/serve/test_conversation.py::test_ping_is_answered_while_tools_run_and_while_one_blocks_its_thread",
            "tests/kernel/test_server.py::test_the_request_past_the_limit_is_refused_as_busy_while_ping_is_answered",
            "tests/interop/test_sdk_calls.py::test_the_sdk_is_answered_at_once_while_a_tool_holds_a_thread",
        ),
    ),
    Requirement(
        id="SERVER-10",
        clause='The ids 0, "" and 2^53-1 come back exactly.',
        source="JSON-RPC 2.0: request; all versions: messages",
        tests=(
            "tests/serve/test_lines_alike.py::test_a_conversation_goes_the_same_over_every_line_in_both_eras",
            "tests/kernel/test_server.py::test_an_id_comes_back_exactly",
            "tests/wire/test_encode.py::test_each_kind_carries_the_id_it_was_given",
            "tests/wire/test_ids.py::test_an_id_comes_back_exactly",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_lists_and_calls_and_closes_without_a_status",
        ),
    ),
    Requirement(
        id="SERVER-11",
        clause="An id that is null, a fraction or a truth value is no id: -32600.",
        source="all versions: messages",
        tests=("tests/wire/test_ids.py::test_a_request_whose_id_is_neither_string_nor_integer_is_refused_without_id",),
    ),
    Requirement(
        id="SERVER-12",
        clause="A notification is never answered, not even with an error.",
        source="JSON-RPC 2.0: notification",
        tests=("tests/kernel/test_server.py::test_a_notification_is_never_answered",),
    ),
    Requirement(
        id="SERVER-13",
        clause="The server never uses the id of one of its requests twice in a session.",
        source=f"{HANDSHAKE}: messages",
        tests=(
            "tests/kernel/test_questions.py::test_every_question_has_an_id_of_its_own_whatever_became_of_the_others",
        ),
    ),
    Requirement(
        id="SERVER-14",
        clause="Below the log level that the client set, no log message is sent.",
        source=f"{HANDSHAKE}: logging",
        tests=(
            "tests/kernel/test_answers.py::test_a_handshake_client_is_sent_the_level_that_it_set_and_worse",
            "tests/interop/test_sdk_calls.py::test_the_sdk_is_sent_the_log_that_it_asked_for",
        ),
    ),
    Requirement(
        id="SERVER-15",
        clause="A response to no request of ours is ignored.",
        source="JSON-RPC 2.0: response",
        tests=(
            "tests/kernel/test_questions.py::test_answers_to_nothing_are_dropped_and_counted",
            "tests/kernel/test_questions.py::test_a_peer_that_was_asked_nothing_may_answer_what_it_likes",
        ),
    ),
    # --- WebSocket binding ---
    Requirement(
        id="WS-01",
        clause="The upgrade is taken at /mcp and at /mcp/ws.",
        source=f"{BINDING}: establishment",
        tests=("tests/serve/test_websocket.py::test_the_upgrade_is_taken_at_both_paths",),
    ),
    Requirement(
        id="WS-02",
        clause="The subprotocol mcp is echoed where it is offered.",
        source=f"{BINDING}: establishment",
        tests=(
            "tests/serve/test_websocket.py::test_the_subprotocol_mcp_is_echoed_and_no_other",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_lists_and_calls_and_closes_without_a_status",
        ),
    ),
    Requirement(
        id="WS-03",
        clause="A client that offers no subprotocol is served too.",
        source=f"{BINDING}: establishment",
        tests=("tests/serve/test_websocket.py::test_the_subprotocol_mcp_is_echoed_and_no_other",),
    ),
    Requirement(
        id="WS-04",
        clause="A client that behaves as Claude Code does (subprotocol mcp, initialize under id 0) completes a call.",
        source=f"{BINDING}: establishment",
        tests=(
            "tests/serve/test_websocket.py::test_a_client_like_claude_code_completes_a_call",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_lists_and_calls_and_closes_without_a_status",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_may_have_the_compression_that_it_offers",
        ),
    ),
    Requirement(
        id="WS-05",
        clause="An offered subprotocol that carries a credential is never echoed.",
        source=f"{BINDING}: credentials",
        tests=("tests/serve/test_websocket.py::test_the_subprotocol_mcp_is_echoed_and_no_other",),
    ),
    Requirement(
        id="WS-06",
        clause="A token in the query opens nothing.",
        source=f"{BINDING}: credentials",
        tests=("tests/serve/test_liveness.py::test_a_token_in_the_query_makes_nobody_of_its_bearer",),
    ),
    Requirement(
        id="WS-07",
        clause="A text frame holds one message, and the answer is one text frame.",
        source=f"{BINDING}: framing",
        tests=(
            "tests/serve/test_websocket.py::test_a_client_like_claude_code_completes_a_call",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_lists_and_calls_and_closes_without_a_status",
        ),
    ),
    Requirement(
        id="WS-08",
        clause="A batch of a handshake client is answered in one text frame.",
        source=f"{BINDING}: framing",
        tests=("tests/serve/test_websocket.py::test_a_batch_is_answered_in_one_text_frame",),
    ),
    Requirement(
        id="WS-09",
        clause="A binary frame closes 1003.",
        source=f"{BINDING}: framing",
        tests=("tests/serve/test_websocket.py::test_a_binary_frame_closes_1003",),
    ),
    Requirement(
        id="WS-10",
        clause="A message that is too large closes 1009, before its payload is read.",
        source=f"{BINDING}: framing",
        tests=(
            "tests/serve/test_websocket.py::test_a_message_that_is_too_large_closes_1009_before_its_payload_is_read",
        ),
    ),
    Requirement(
        id="WS-11",
        clause="Text that is not UTF-8 closes 1007.",
        source=f"{BINDING}: framing",
        tests=("tests/serve/test_websocket.py::test_text_that_is_not_utf8_closes_1007",),
    ),
    Requirement(
        id="WS-12",
        clause="A peer that breaks a rule of the house is closed 1008.",
        source=f"{BINDING}: framing",
        tests=("tests/guard/test_protocol.py::test_a_broken_message_is_closed_with_its_code_and_nothing_in_the_log",),
    ),
    Requirement(
        id="WS-13",
        clause="A server that goes away closes 1001, one that restarts 1012.",
        source=f"{BINDING}: framing",
        tests=(
            "tests/serve/test_process.py::test_a_signal_lets_calls_finish_refuses_new_ones_and_closes_1012",
            "tests/interop/test_sdk_ending.py::test_a_server_that_is_told_to_stop_lets_the_call_of_the_sdk_finish",
        ),
    ),
    Requirement(
        id="WS-14",
        clause="A peer that should come back later is closed 1013.",
        source=f"{BINDING}: framing",
        tests=("tests/serve/test_outlet.py::test_a_peer_that_does_not_read_is_given_up_and_its_neighbour_goes_on",),
    ),
    Requirement(
        id="WS-15",
        clause="A request is cancelled by notifications/cancelled, as on stdio.",
        source=f"{BINDING}: cancellation",
        tests=(
            "tests/serve/test_websocket.py::test_a_cancelled_call_ends_and_nothing_is_answered",
            "tests/interop/test_sdk_calls.py::test_a_call_that_the_sdk_gives_up_ends_on_the_server",
            "tests/interop/test_sdk_calls.py::test_a_call_that_takes_the_sdk_too_long_ends_on_the_server",
        ),
    ),
    Requirement(
        id="WS-16",
        clause="Closing the socket abandons what is in flight.",
        source=f"{BINDING}: cancellation",
        tests=(
            "tests/serve/test_websocket.py::test_closing_the_socket_abandons_what_is_in_flight_and_leaves_nothing",
            "tests/interop/test_claude_code.py::test_a_client_like_claude_code_leaves_as_it_likes_and_comes_back",
            "tests/interop/test_sdk_calls.py::test_what_the_sdk_leaves_in_flight_ends_when_its_line_closes",
        ),
    ),
    Requirement(
        id="WS-17",
        clause="The server pings every 20 s, and closes after 20 s without a pong.",
        source=f"{BINDING}: liveness",
        tests=(
            "tests/serve/test_liveness.py::test_a_peer_is_pinged_and_closed_when_it_sends_no_pong",
            "tests/serve/test_liveness.py::test_pings_go_out_every_twenty_seconds_unless_set_otherwise",
        ),
    ),
    Requirement(
        id="WS-18",
        clause="In the stateless era all metadata is in the body, and the server sends no request.",
        source=f"{BINDING}: stateless era",
        tests=("tests/serve/test_websocket.py::test_a_stateless_client_needs_nothing_but_its_messages",),
    ),
    # --- the tasks extension ---
    Requirement(
        id="TASK-01",
        clause="No call is answered with a task unless this very request declared the extension.",
        source=f"{TASKS}: capability negotiation",
        tests=(
            "tests/kernel/test_deferral.py::test_a_client_that_did_not_declare_the_extension_waits_for_an_optional_task",
        ),
    ),
    Requirement(
        id="TASK-02",
        clause="A call that must be a task is refused with -32021 and data.requiredCapabilities where the request did "
        "not declare the extension.",
        source=f"{TASKS}: capability negotiation",
        tests=(
            "tests/kernel/test_deferral.py::test_a_client_that_did_not_declare_the_extension_is_refused_a_required_task",
        ),
    ),
    Requirement(
        id="TASK-03",
        clause="tasks/get, tasks/update and tasks/cancel are refused with -32021 where the request did not declare the "
        "extension.",
        source=f"{TASKS}: protocol errors",
        tests=("tests/kernel/test_deferral.py::test_each_request_about_a_task_has_to_declare_the_extension",),
    ),
    Requirement(
        id="TASK-04",
        clause="The extension is advertised by server/discover.",
        source=f"{TASKS}: capability negotiation",
        tests=("tests/kernel/test_deferral.py::test_the_extension_is_advertised_only_where_a_tool_allows_tasks",),
    ),
    Requirement(
        id="TASK-05",
        clause="A call that became a task is answered with resultType task and the task's members, without result, "
        "error or questions.",
        source=f"{TASKS}: task creation",
        tests=("tests/kernel/test_deferral.py::test_a_call_of_a_client_that_declared_the_extension_is_a_task_at_once",),
    ),
    Requirement(
        id="TASK-06",
        clause="Once a task was told, tasks/get finds it.",
        source=f"{TASKS}: task creation",
        tests=("tests/kernel/test_deferral.py::test_a_call_of_a_client_that_declared_the_extension_is_a_task_at_once",),
    ),
    Requirement(
        id="TASK-07",
        clause="A result, an error of the tool too, completes the task and stands in it.",
        source=f"{TASKS}: task execution errors",
        tests=(
            "tests/kernel/test_deferral.py::test_a_result_completes_a_task_and_is_kept_as_the_call_would_have_told_it",
            "tests/kernel/test_deferral.py::test_an_error_of_the_tool_completes_a_task",
        ),
    ),
    Requirement(
        id="TASK-08",
        clause="An error of the protocol fails the task and stands in it.",
        source=f"{TASKS}: task execution errors",
        tests=("tests/kernel/test_deferral.py::test_an_error_of_the_protocol_fails_a_task",),
    ),
    Requirement(
        id="TASK-09",
        clause="A task that waits for input shows all open questions, each under a key that is used once.",
        source=f"{TASKS}: task update requests",
        tests=(
            "tests/kernel/test_deferral.py::test_questions_are_shown_until_each_is_answered_and_unknown_answers_mean_nothing",
        ),
    ),
    Requirement(
        id="TASK-10",
        clause="tasks/update and tasks/cancel are acknowledged with an empty complete result.",
        source=f"{TASKS}: task update requests, task cancellation",
        tests=(
            "tests/kernel/test_deferral.py::test_questions_are_shown_until_each_is_answered_and_unknown_answers_mean_nothing",
            "tests/kernel/test_deferral.py::test_cancelling_ends_a_task_at_once_and_what_comes_of_it_later_is_dropped",
        ),
    ),
    Requirement(
        id="TASK-11",
        clause="An unknown task is -32602.",
        source=f"{TASKS}: protocol errors",
        tests=("tests/kernel/test_deferral.py::test_a_task_is_nobody_elses",),
    ),
    Requirement(
        id="TASK-12",
        clause="Ids of tasks cannot be guessed, and a task is told only to the caller it belongs to.",
        source=f"{TASKS}: security considerations",
        tests=(
            "tests/kernel/test_deferral.py::test_ids_are_long_and_never_the_same",
            "tests/kernel/test_deferral.py::test_a_task_is_nobody_elses",
        ),
    ),
    Requirement(
        id="TASK-13",
        clause="A task is kept for its ttlMs.",
        source=f"{TASKS}: task polling",
        tests=("tests/kernel/test_tasks.py::test_a_task_is_kept_for_its_time_and_forgotten_then",),
    ),
    Requirement(
        id="TASK-14",
        clause="Who listens to a task hears of it as tasks/get would tell it, and of nobody else's.",
        source=f"{TASKS}: task status notifications",
        tests=(
            "tests/kernel/test_tasks.py::test_a_listener_is_told_how_its_tasks_are_and_then_of_each_change",
            "tests/kernel/test_tasks.py::test_a_listener_hears_of_nobody_elses_tasks",
        ),
    ),
    Requirement(
        id="TASK-15",
        clause="Who listens to tasks without declaring the extension is refused with -32021.",
        source=f"{TASKS}: task status notifications",
        tests=("tests/kernel/test_tasks.py::test_a_listener_that_did_not_declare_the_extension_is_refused",),
    ),
    Requirement(
        id="TASK-16",
        clause="A task sends no progress and no log messages.",
        source=f"{TASKS}: task status notifications",
        tests=("tests/kernel/test_deferral.py::test_a_task_sends_neither_progress_nor_log_messages",),
    ),
    Requirement(
        id="TASK-17",
        clause="On HTTP, Mcp-Name is the id of the task.",
        source=f"{TASKS}: routing headers",
        tests=(
            "tests/serve/test_tasks_over_http.py::test_over_http_a_task_is_answered_in_json_and_each_request_about_it_names_it_in_a_header",
        ),
    ),
    # --- Streamable HTTP, and HTTP with SSE ---
    Requirement(
        id="HTTP-01",
        clause="Routing headers repeat the body of a stateless request, also in base64; else 400 and -32020.",
        source=f"{STATELESS}: transports, routing headers",
        tests=(
            "tests/serve/test_headers.py::test_a_header_that_is_missing_or_differs_is_refused",
            "tests/serve/test_headers.py::test_a_header_that_stands_twice_is_refused",
            "tests/serve/test_headers.py::test_blanks_around_a_value_its_base64_form_and_the_case_of_its_name_do_not_matter",
        ),
    ),
    Requirement(
        id="HTTP-02",
        clause="An argument that its tool wants in a header is repeated there, or the request is 400 and -32020.",
        source=f"{STATELESS}: transports, parameter headers",
        tests=(
            "tests/serve/test_headers.py::test_an_argument_that_its_header_repeats_is_taken",
            "tests/serve/test_headers.py::test_an_argument_that_its_header_does_not_repeat_is_refused",
        ),
    ),
    Requirement(
        id="HTTP-03",
        clause="A stateless POST needs no session, gets none, and is answered by itself.",
        source=f"{STATELESS}: transports, streamable HTTP",
        tests=("tests/serve/test_http.py::test_a_request_needs_no_earlier_one_and_is_answered_in_json",),
    ),
    Requirement(
        id="HTTP-04",
        clause="A method that the stateless version has not is 404 and -32601.",
        source=f"{STATELESS}: transports, errors",
        tests=("tests/serve/test_http.py::test_a_method_that_this_version_has_not_is_404",),
    ),
    Requirement(
        id="HTTP-05",
        clause="A stateless request without its metadata is 400 and -32602.",
        source=f"{STATELESS}: transports, errors",
        tests=("tests/serve/test_http.py::test_a_request_without_its_meta_is_400",),
    ),
    Requirement(
        id="HTTP-06",
        clause="A version that is not served is 400, with the versions that are.",
        source="2025-06-18 and later: transports, protocol version header",
        tests=(
            "tests/serve/test_http.py::test_an_unknown_version_in_header_or_body_is_400_with_the_list",
            "tests/serve/test_http_bad_input.py::test_an_unknown_version_is_400_with_the_list",
        ),
    ),
    Requirement(
        id="HTTP-07",
        clause="A request is answered in JSON, or in events that end with the answer where something is said before.",
        source="2025-03-26 and later: transports, sending messages",
        tests=("tests/serve/test_http.py::test_what_is_said_before_the_answer_makes_a_stream",),
    ),
    Requirement(
        id="HTTP-08",
        clause="In the stateless era a client that leaves cancels its request.",
        source=f"{STATELESS}: transports, cancellation",
        tests=("tests/serve/test_http.py::test_a_client_that_leaves_cancels_its_request",),
    ),
    Requirement(
        id="HTTP-09",
        clause="subscriptions/listen is answered by a stream that lasts until the client leaves or the server ends.",
        source=f"{STATELESS}: transports, subscriptions",
        tests=("tests/serve/test_http.py::test_what_is_listened_to_comes_as_a_stream",),
    ),
    Requirement(
        id="HTTP-10",
        clause="Input that a request asked for may come on any connection.",
        source=f"{STATELESS}: multi-round-trip requests",
        tests=("tests/serve/test_http.py::test_a_question_is_answered_by_a_retry_on_another_connection",),
    ),
    Requirement(
        id="HTTP-11",
        clause="The answer to initialize names its session; DELETE ends it, and from then on it is 404.",
        source="2025-03-26 to 2025-11-25: transports, session management",
        tests=("tests/serve/test_sessions.py::test_a_handshake_opens_a_session_and_delete_ends_it",),
    ),
    Requirement(
        id="HTTP-12",
        clause="A request without a session is 400, one of a session that is not open 404.",
        source="2025-03-26 to 2025-11-25: transports, session management",
        tests=("tests/serve/test_sessions.py::test_a_request_without_a_session_is_400_and_one_of_another_404",),
    ),
    Requirement(
        id="HTTP-13",
        clause="Nobody uses a session but the caller who opened it.",
        source="2025-03-26 to 2025-11-25: security, session hijacking",
        tests=("tests/serve/test_sessions.py::test_a_session_is_of_the_caller_who_opened_it",),
    ),
    Requirement(
        id="HTTP-14",
        clause="Notifications and responses are taken with 202 and no body.",
        source="2025-03-26 to 2025-11-25: transports, sending messages",
        tests=("tests/serve/test_sessions.py::test_notifications_and_responses_are_taken_with_202",),
    ),
    Requirement(
        id="HTTP-15",
        clause="The version header of a session names one that is served, or 400; without it, its own is meant.",
        source="2025-06-18 and later: transports, protocol version header",
        tests=("tests/serve/test_sessions.py::test_the_version_header_of_a_session_is_one_that_is_served",),
    ),
    Requirement(
        id="HTTP-16",
        clause="In a session an error that answers a request has the status of an answer.",
        source="2025-03-26 to 2025-11-25: transports, sending messages",
        tests=("tests/serve/test_sessions.py::test_errors_of_a_session_are_results_of_a_request_that_went_well",),
    ),
    Requirement(
        id="HTTP-17",
        clause="Batches are taken where the version has them, and are 400 and -32600 where it has none.",
        source="2025-03-26: transports, sending messages",
        tests=("tests/serve/test_sessions.py::test_a_batch_is_answered_where_the_version_has_batches",),
    ),
    Requirement(
        id="HTTP-18",
        clause="A request of the server comes over the stream of the request it belongs to, and is answered by a POST.",
        source="2025-03-26 to 2025-11-25: transports, sending messages",
        tests=("tests/serve/test_sessions.py::test_a_question_of_the_server_comes_over_the_stream_of_its_request",),
    ),
    Requirement(
        id="HTTP-19",
        clause="In a session leaving cancels nothing; by Last-Event-ID a stream goes on where it broke off.",
        source="2025-03-26 to 2025-11-25: transports, resumability",
        tests=("tests/serve/test_sessions.py::test_leaving_is_no_cancel_and_the_rest_is_kept",),
    ),
    Requirement(
        id="HTTP-20",
        clause="A request that was cancelled has no answer, and its response ends.",
        source="2025-03-26 to 2025-11-25: cancellation",
        tests=("tests/serve/test_sessions.py::test_a_cancelled_request_ends_without_an_answer",),
    ),
    Requirement(
        id="HTTP-21",
        clause="A server may close a stream before its answer; the client comes back for the rest.",
        source="2025-11-25: transports, polling",
        tests=("tests/serve/test_sessions.py::test_a_stream_that_the_tool_gave_back_is_taken_up_again",),
    ),
    Requirement(
        id="HTTP-22",
        clause="A stream begins with an event that has an id and no data, for clients who know that.",
        source="2025-11-25: transports, polling",
        tests=(
            "tests/serve/test_sessions.py::test_a_stream_begins_with_an_event_without_data_where_the_version_has_it",
        ),
    ),
    Requirement(
        id="HTTP-23",
        clause="A session has a stream of its own for what belongs to no request; another one at the same time is 409.",
        source="2025-03-26 to 2025-11-25: transports, listening",
        tests=("tests/serve/test_sessions.py::test_a_session_has_one_stream_of_its_own_at_a_time",),
    ),
    Requirement(
        id="HTTP-24",
        clause="What is said while nobody listens is kept within a bound; nothing is repeated, and a gap is refused.",
        source="2025-03-26 to 2025-11-25: transports, resumability",
        tests=(
            "tests/serve/test_sessions.py::test_what_happens_while_nobody_listens_is_kept_and_never_repeated",
            "tests/serve/test_sessions.py::test_what_is_kept_is_bounded_and_what_fell_out_is_refused",
        ),
    ),
    Requirement(
        id="HTTP-25",
        clause="A session that is idle ends.",
        source="Fairlead: sessions",
        tests=("tests/serve/test_sessions.py::test_an_idle_session_ends",),
    ),
    Requirement(
        id="HTTP-26",
        clause="Where no sessions are kept, handshake clients are served without: no id, and GET is 405.",
        source="2025-03-26 to 2025-11-25: transports, session management",
        tests=("tests/serve/test_http.py::test_without_sessions_a_handshake_client_is_served_all_the_same",),
    ),
    Requirement(
        id="HTTP-27",
        clause="The number of sessions is bounded: one too many is 503, and may be tried again.",
        source="Fairlead: sessions",
        tests=("tests/serve/test_sessions.py::test_the_number_of_sessions_is_bounded",),
    ),
    Requirement(
        id="HTTP-28",
        clause="A client of 2024-11-05 opens a stream, hears first where to POST, and is answered there.",
        source="2024-11-05: transports, HTTP with SSE",
        tests=("tests/serve/test_sse.py::test_a_client_of_the_first_version_is_served",),
    ),
    Requirement(
        id="HTTP-29",
        clause="A body that is no JSON is 415, a client that takes neither JSON nor events 406.",
        source="2025-03-26 and later: transports, sending messages",
        tests=(
            "tests/serve/test_http_bad_input.py::test_a_body_of_another_kind_is_415",
            "tests/serve/test_http_bad_input.py::test_a_client_that_takes_neither_json_nor_events_is_406",
        ),
    ),
    Requirement(
        id="HTTP-30",
        clause="Origin and Host are checked on every path.",
        source="2025-03-26 and later: transports, security",
        tests=("tests/serve/test_http_bad_input.py::test_a_foreign_origin_is_403_and_a_foreign_host_421_everywhere",),
    ),
    Requirement(
        id="HTTP-31",
        clause="A body that is too long is 413 before it is read, one that does not come in time 408.",
        source="Fairlead: bounds",
        tests=(
            "tests/serve/test_http_bad_input.py::test_a_body_that_is_too_long_is_413_declared_or_not",
            "tests/serve/test_http_bad_input.py::test_a_body_that_is_half_sent_is_408_and_ends_the_connection",
        ),
    ),
    Requirement(
        id="HTTP-32",
        clause="A reader that stops reading is dropped at its bound.",
        source="Fairlead: bounds",
        tests=(
            "tests/serve/test_http_bad_input.py::test_who_reads_no_stream_is_dropped_and_its_call_ended",
            "tests/serve/test_http_bad_input.py::test_who_listens_in_a_session_and_does_not_read_is_dropped_and_may_come_back",
            "tests/serve/test_http_bad_input.py::test_who_opens_a_stream_of_the_first_version_and_does_not_read_is_dropped",
            "tests/serve/test_http_bad_input.py::test_who_does_not_read_a_large_answer_is_dropped",
            "tests/serve/test_http_bad_input.py::test_a_call_waits_for_its_reader_instead_of_filling_memory",
            "tests/serve/test_http_bad_input.py::test_what_waits_for_a_listener_that_does_not_read_is_bounded_before_its_time_is_up",
        ),
    ),
    Requirement(
        id="HTTP-33",
        clause="A page of an allowed origin is told that it may call and read; any other is told nothing.",
        source="Fairlead: CORS",
        tests=(
            "tests/guard/test_cors.py::test_a_preflight_is_answered_everywhere",
            "tests/guard/test_cors.py::test_every_answer_to_a_page_says_that_it_may_read_it",
            "tests/guard/test_cors.py::test_a_page_from_elsewhere_is_told_nothing",
        ),
    ),
    Requirement(
        id="HTTP-34",
        clause="Two hundred sessions, opened, used and dropped, leave no memory behind.",
        source="Fairlead: sessions",
        tests=(
            "tests/serve/test_sessions_memory.py::test_two_hundred_sessions_opened_used_and_dropped_leave_no_memory",
        ),
    ),
)
