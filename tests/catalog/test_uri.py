"""URI templates: what they match, what they refuse, and that both directions agree."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairlead.catalog.uri import TemplateError, UriTemplate
from fairlead.errors import UsageError


@pytest.mark.parametrize(
    ("template", "uri", "values"),
    [
        ("a://b", "a://b", {}),
        ("a://b", "a://c", None),
        ("a://{x}", "a://one", {"x": "one"}),
        ("a://{x}", "a://", None),
        ("a://{x}", "a://one/two", None),
        ("a://{x}/", "a://one", None),
        ("a://{x}/y", "a:///y", None),
        ("a://{+x}/y", "a:///y", None),
        ("a://{x}/y/{z}", "a://1/y/2", {"x": "1", "z": "2"}),
        ("a://{x}", "a://caf%C3%A9%20b", {"x": "café b"}),
        ("a://{x}", "a://a+b", {"x": "a+b"}),
        ("{x}://b", "a://b", {"x": "a"}),
        ("a://{+path}", "a://one/two.txt", {"path": "one/two.txt"}),
        ("a://{path*}", "a://one/two.txt", {"path": "one/two.txt"}),
        ("a://{+path}/{name}", "a://1/2/3", {"path": "1/2", "name": "3"}),
        ("a://{+path}/raw", "a://raw/raw/raw", {"path": "raw/raw"}),
        ("a://{name}.{ext}", "a://b.tar.gz", {"name": "b", "ext": "tar.gz"}),
        ("a://{x,y}", "a://1,2", {"x": "1", "y": "2"}),
        ("a://b{/x,y}", "a://b/1/2", {"x": "1", "y": "2"}),
        ("a://b{/x*}", "a://b/1/2", {"x": "1/2"}),
        ("a://b{?q,r}", "a://b", {}),
        ("a://b{?q,r}", "a://b?r=2&q=1", {"q": "1", "r": "2"}),
        ("a://b{?q,r}", "a://b?q=", {"q": ""}),
        ("a://b{?q,r}", "a://b?q=a%26b&other=1", {"q": "a&b"}),
        ("a://b{?q,r}", "a://b?q=1&q=2", None),
        ("a://b{?q}", "a://b?q=1#frag", None),
        ("a://b{?q}{&r}", "a://b?r=1", {"r": "1"}),
        ("a://b?v=1{&q}", "a://b?q=2&v=1", {"q": "2"}),
        ("a://b?v=1{&q}", "a://b?q=2", None),
        ("a://{x}{?q}", "a://one?q=1", {"x": "one", "q": "1"}),
        ("a://{x}", "a://one?q=1", None),
        ("a://{+x}", "a://one?q=1", None),
        ("a://b?c={d}", "a://b?c=1", {"d": "1"}),
    ],
)
def test_a_uri_gives_the_values_of_the_variables(template, uri, values):
    assert UriTemplate(template).match(uri) == values


@pytest.mark.parametrize(
    "value",
    [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        "a%2fb",
        "a%2Fb",
        "a%5Cb",
        "..%2f..%2fetc",
        "..%5c",
        "a%00",
        "%00",
        "%ff",
        "%zz",
        "%",
        "a%2",
    ],
)
def test_a_segment_that_could_lead_elsewhere_is_no_match(value):
    assert UriTemplate("file:///{name}").match(f"file:///{value}") is None


@pytest.mark.parametrize(
    "value", ["..", "a/../b", "a/..", "%2e%2e/a", "a/%2e%2e%2fb", "a%2f..%2fb", "a/..%5cb", "a%00", "./a", "a/%ff"]
)
def test_a_path_that_could_lead_elsewhere_is_no_match(value):
    assert UriTemplate("file:///{+path}").match(f"file:///{value}") is None
    assert UriTemplate("file:///{path*}").match(f"file:///{value}") is None


@pytest.mark.parametrize("value", ["..a", "a..b", "...", "%252e%252e", ".hidden"])
def test_dots_in_a_name_are_only_dots(value):
    assert UriTemplate("file:///{name}").match(f"file:///{value}") is not None


def test_nul_in_a_query_is_no_match():
    assert UriTemplate("a://b{?q}").match("a://b?q=%00") is None


def test_names_come_in_the_order_of_the_template():
    assert UriTemplate("a://{z}/{+b}/c{?y,a}").names == ("z", "b", "y", "a")


@pytest.mark.parametrize(
    ("template", "position", "words"),
    [
        ("a://{x", 4, "without its `}`"),
        ("a://x}", 5, "without its `{`"),
        ("a://{}", 5, "no name"),
        ("a://{x,}", 7, "no name"),
        ("a://{1x}", 5, "not supported"),
        ("a://{x y}", 5, "no name"),
        ("a://{x:3}", 5, "no name"),
        ("a://{#x}", 5, "not supported"),
        ("a://{.x}", 5, "not supported"),
        ("a://{;x}", 5, "not supported"),
        ("a://{x}/{x}", 9, "stands twice"),
        ("a://{x}{y}", 8, "nothing parts"),
        ("a://{?q}/b", 8, "can follow the query"),
        ("a://{?q}{x}", 9, "can follow the query"),
        ("a://{?q}{?r}", 9, "starts with"),
        ("a://b{&q}", 6, "starts with"),
        ("a://b?c={d}{&q}", 12, "stands in"),
        ("a://b{?q*}", 7, "not supported"),
        ("a://{{x}}", 5, "not supported"),
        ("a:" + "".join(f"/{{v{n}}}" for n in range(65)), 378, "more than 64"),
    ],
)
def test_a_bad_template_is_refused_with_its_place(template, position, words):
    with pytest.raises(TemplateError) as caught:
        UriTemplate(template)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    ("template", "values", "uri"),
    [
        ("a://{x}/{+p}{?q,r}", {"x": "a b", "p": "1/2?", "r": "&"}, "a://a%20b/1/2%3F?r=%26"),
        ("a://b?v=1{&q}", {"q": 3}, "a://b?v=1&q=3"),
        ("a://b?v=1{&q}", {}, "a://b?v=1"),
        ("a://b{/x,y}", {"x": "1", "y": "2"}, "a://b/1/2"),
    ],
)
def test_values_make_a_uri(template, values, uri):
    assert UriTemplate(template).expand(**values) == uri


@pytest.mark.parametrize("value", ["", None, "a/b", "..", "a\0", "a\\b"])
def test_a_value_that_would_not_come_back_makes_no_uri(value):
    with pytest.raises(ValueError, match="`x`"):
        UriTemplate("a://{x}").expand(x=value)


def test_a_value_that_the_template_does_not_have_is_refused():
    with pytest.raises(ValueError, match="has no y"):
        UriTemplate("a://{x}").expand(x=1, y=2)


@pytest.mark.within(20)
@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("a://" + "-".join(f"{{v{n}}}" for n in range(12)) + "!", "a://" + "-" * 20_000 + "x"),
        ("a://" + "/".join(f"{{+v{n}}}" for n in range(12)) + "!", "a://" + "/a" * 20_000 + "x"),
        ("a://" + "a".join(f"{{v{n}*}}" for n in range(12)) + "!", "a://" + "a" * 40_000),
        ("a://{x}", "a://" + "%41" * 50_000),
        ("a://{x}{?q}", "a://a?" + "&" * 100_000),
        ("a://{+a}-{b}/{+c}-{d}/{+e}-{f}!", "a://" + "a-b/" * 10_000),
    ],
)
def test_no_uri_makes_matching_slow(template, uri):
    for _ in range(3):
        UriTemplate(template).match(uri)


SEGMENT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: text not in (".", "..") and not set("/\\\0") & set(text)
)
PATH = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
QUERY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(x=SEGMENT, path=PATH, name=SEGMENT, q=st.none() | QUERY, r=st.none() | QUERY)
def test_what_was_expanded_matches_with_the_same_values(x, path, name, q, r):
    for template in ("a://{x}/{+path}/{name}{?q,r}", "a://b{/x,path*,name}{?q}{&r}"):
        given_values = {"x": x, "path": path, "name": name, "q": q, "r": r}
        expected = {key: value for key, value in given_values.items() if value is not None}
        made = UriTemplate(template)
        assert made.match(made.expand(**given_values)) == expected


@given(st.text("a/{}+?&*,x", max_size=20), st.text("a/?&=%2ex", max_size=20))
def test_any_template_matches_or_is_refused(template, uri):
    try:
        made = UriTemplate(template)
    except TemplateError as error:
        assert 0 <= error.position <= len(template)
        return
    found = made.match(uri)
    assert found is None or set(found) <= set(made.names)


@given(st.lists(st.sampled_from(["-", "/", "ab", "{v}", "{+v}"]), max_size=7), st.text("ab-/", max_size=14))
def test_matching_agrees_with_a_regular_expression(parts, uri):
    import re

    text, pattern = "", ""
    for number, part in enumerate(parts):
        named = part.replace("v", f"v{number}")
        text += named
        pattern += {"{v}": f"(?P<v{number}>[^/]+?)", "{+v}": f"(?P<v{number}>.+?)"}.get(part, re.escape(part))
    assume("}{" not in text)
    expected = re.fullmatch(pattern, uri)
    assert UriTemplate(text).match(uri) == (expected.groupdict() if expected else None)
