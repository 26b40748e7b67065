"""URI templates: the part of RFC 6570 that MCP uses, in both directions.

`{x}` is one segment, `{+path}` and `{path*}` any number of them, `{/a,b}` segments behind their
slash, `{?q,r}` and `{&s}` optional query parameters in any order. What else RFC 6570 has (`{#x}`,
`{.x}`, `{;x}`, `{x:3}`) is refused when the template is made. Matching takes time in proportion to the
URI, whatever it holds; it opens nothing, and knows no scheme.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from fairlead.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_VARIABLES: Final = 64
_SEGMENT_ENDS: Final = "/?#"
_PATH_ENDS: Final = "?#"
# RFC 6570 keeps all reserved characters in {+x}; `?`, `#` and `%` would not come back as they went.
_KEPT_IN_PATH: Final = "/:@!$&'()*+,;=[]"


class TemplateError(UsageError, ValueError):
    """The template cannot be used; `position` is the index of the character where it goes wrong."""

    def __init__(self, template: str, position: int, reason: str):
        super().__init__(f"URI template {template!r}, at {position}: {reason}")
        self.template = template
        self.position = position
        self.reason = reason


class _Variable(NamedTuple):
    name: str
    deep: bool  # crosses `/`


_Token = str | _Variable


class UriTemplate:
    """A template; raises `TemplateError` for one that it cannot match in exactly one way."""

    __slots__ = ("_fixed", "_query", "_tokens", "names", "text")

    names: tuple[str, ...]
    text: str

    def __init__(self, text: str):
        self.text = text
        self._tokens, self._fixed, self._query = _Parser(text).parse()
        variables = tuple(token.name for token in self._tokens if isinstance(token, _Variable))
        self.names = variables + self._query

    def __repr__(self) -> str:
        return f"UriTemplate({self.text!r})"

    def match(self, uri: str) -> dict[str, str] | None:
        """The values by name, percent-decoded, or None; query parameters that the URI leaves out are left out.

        Between several ways to match, each variable takes the fewest characters, from the left.
        Query parameters that the template does not name are ignored; one that is given twice, or
        anything that is no clean UTF-8, is no match. Refused as well, since the value may become
        the name of a file: `.` and `..` as a segment (also as `%2e%2e`, which is why this is judged
        after decoding), NUL, and in a single segment a slash or backslash that hid in an escape.
        """
        path, mark, query = uri.partition("?") if self._query else (uri, "", "")
        if self._query and "#" in uri:
            return None
        ends = self._spans(path)
        if ends is None:
            return None
        values: dict[str, str] = {}
        start = 0
        for token, end in zip(self._tokens, ends, strict=True):
            if isinstance(token, _Variable):
                value = _decode(path[start:end])
                if value is None or not _harmless(value, token.deep):
                    return None
                values[token.name] = value
            start = end
        if not self._query:
            return values
        return self._with_query(values, query)

    def expand(self, **values: object) -> str:
        """The URI; query parameters that are missing or None are left out.

        Raises ValueError for a missing value and for one that `match` would not give back: an empty
        one, a slash in a single segment, a `..`.
        """
        unknown = values.keys() - set(self.names)
        if unknown:
            raise ValueError(f"{self.text!r} has no {', '.join(sorted(unknown))}: it has {', '.join(self.names)}")
        parts = [t if isinstance(t, str) else self._written(t, values.get(t.name)) for t in self._tokens]
        query = [f"{name}={value}" for name, value in self._fixed]
        for name in self._query:
            if values.get(name) is not None:
                query.append(f"{name}={quote(str(values[name]), safe='')}")
        return "".join(parts) + ("?" + "&".join(query) if query else "")

    def _written(self, variable: _Variable, value: object) -> str:
        text = "" if value is None else str(value)
        if not text:
            raise ValueError(f"{self.text!r} needs a value for `{variable.name}`")
        if not _harmless(text, variable.deep):
            raise ValueError(f"{self.text!r}: `{variable.name}` cannot be {text[:80]!r}: a slash, NUL or `..` in it")
        return quote(text, safe=_KEPT_IN_PATH if variable.deep else "")

    def _spans(self, path: str) -> list[int] | None:
        """Where each token ends, or None."""
        return _Walk(self._tokens, path).run()

    def _with_query(self, values: dict[str, str], query: str) -> dict[str, str] | None:
        fixed: list[tuple[str, str]] = []
        for pair in query.split("&") if query else ():
            name, _, raw = pair.partition("=")
            if (name, raw) in self._fixed:
                fixed.append((name, raw))
            if name not in self._query:
                continue
            value = _decode(raw)
            if value is None or "\0" in value or name in values:
                return None
            values[name] = value
        return values if set(fixed) == set(self._fixed) else None


def _decode(raw: str) -> str | None:
    if "%" not in raw:
        return raw
    if _BAD_ESCAPE.search(raw):
        return None
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return None


def _harmless(value: str, deep: bool) -> bool:
    if "\0" in value:
        return False
    if not deep and ("/" in value or "\\" in value):
        return False
    return not any(segment in (".", "..") for segment in value.replace("\\", "/").split("/"))


class _Walk:
    """One URI against the tokens, without a regular expression: those go exponential or cubic here.

    A variable that failed from one start fails from every later start in the same stretch, since
    what could follow it is a part of what was tried. So each stretch is tried once per variable.
    """

    def __init__(self, tokens: tuple[_Token, ...], path: str):
        self._tokens = tokens
        self._path = path
        self._failed_until = [-1] * len(tokens)
        self._ends = [0] * len(tokens)
        self._marks: dict[str, tuple[int, int]] = {}

    def run(self) -> list[int] | None:
        return self._ends if self._from(0, 0) else None

    def _from(self, number: int, start: int) -> bool:
        if number == len(self._tokens):
            return start == len(self._path)
        token = self._tokens[number]
        if isinstance(token, str):
            self._ends[number] = start + len(token)
            return self._path.startswith(token, start) and self._from(number + 1, start + len(token))
        if start < self._failed_until[number]:
            return False
        limit = self._limit(token, start)
        if self._variable(number, start, limit):
            return True
        self._failed_until[number] = limit
        return False

    def _limit(self, variable: _Variable, start: int) -> int:
        return min(self._next(mark, start) for mark in (_PATH_ENDS if variable.deep else _SEGMENT_ENDS))

    def _next(self, mark: str, start: int) -> int:
        """Where `mark` stands next, or the end; looked for once per stretch, not once per start."""
        since, at = self._marks.get(mark, (0, -1))
        if not since <= start <= at:
            at = self._path.find(mark, start)
            at = len(self._path) if at < 0 else at
            self._marks[mark] = (start, at)
        return at

    def _variable(self, number: int, start: int, limit: int) -> bool:
        if number + 1 == len(self._tokens):
            self._ends[number] = limit
            return start < limit == len(self._path)
        literal = self._tokens[number + 1]
        assert isinstance(literal, str)  # the parser lets no two variables touch
        end = self._path.find(literal, start + 1)
        while 0 <= end <= limit:
            self._ends[number] = end
            if self._from(number + 1, end):
                return True
            end = self._path.find(literal, end + 1)
        return False


class _Parser:
    """Template text to tokens, fixed query pairs and query names."""

    def __init__(self, text: str):
        self._text = text
        self._tokens: list[_Token] = []
        self._query: list[str] = []
        self._fixed: list[tuple[str, str]] = []
        self._seen: set[str] = set()

    def parse(self) -> tuple[tuple[_Token, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
        at = 0
        while at < len(self._text):
            at = self._expression(at) if self._text[at] == "{" else self._literal(at)
        return tuple(self._tokens), tuple(self._fixed), tuple(self._query)

    def _fail(self, position: int, reason: str) -> TemplateError:
        return TemplateError(self._text, position, reason)

    def _literal(self, at: int) -> int:
        end = self._text.find("{", at)
        end = len(self._text) if end < 0 else end
        literal = self._text[at:end]
        if "}" in literal:
            raise self._fail(at + literal.index("}"), "a `}` without its `{`")
        if self._query:
            raise self._fail(at, "nothing but `{&…}` can follow the query: put the text before it")
        self._append(literal)
        return end

    def _append(self, literal: str) -> None:
        if self._tokens and isinstance(self._tokens[-1], str):
            literal = self._tokens.pop() + literal  # type: ignore[operator]
        self._tokens.append(literal)

    def _expression(self, at: int) -> int:
        end = self._text.find("}", at)
        if end < 0:
            raise self._fail(at, "a `{` without its `}`")
        body = self._text[at + 1 : end]
        operator = body[:1] if body[:1] and not re.match(r"[A-Za-z_]", body) else ""
        if operator not in ("", "+", "/", "?", "&"):
            raise self._fail(at + 1, f"`{operator}` is not supported: use {{x}}, {{+x}}, {{/x}}, {{?x}} or {{&x}}")
        position = at + 1 + len(operator)
        for number, name in enumerate(body[len(operator) :].split(",")):
            self._name(operator, name, position, first=number == 0)
            position += len(name) + 1
        return end + 1

    def _name(self, operator: str, written: str, position: int, *, first: bool) -> None:
        name = written.removesuffix("*")
        if not _NAME.fullmatch(name):
            raise self._fail(position, f"{written!r} is no name: letters, digits and `_`, no digit first")
        if name in self._seen:
            raise self._fail(position, f"`{name}` stands twice")
        if len(self._seen) == _MOST_VARIABLES:
            raise self._fail(position, f"more than {_MOST_VARIABLES} variables")
        self._seen.add(name)
        if operator in ("?", "&"):
            self._add_query(operator, name, position, first=first, exploded=name != written)
            return
        if self._query:
            raise self._fail(position, "nothing but `{&…}` can follow the query")
        if operator == "/" or not first:
            self._append("/" if operator == "/" else ",")
        elif self._tokens and isinstance(self._tokens[-1], _Variable):
            raise self._fail(position, f"nothing parts `{name}` from `{self._tokens[-1].name}`: put a `/` between them")
        self._tokens.append(_Variable(name, operator == "+" or name != written))

    def _add_query(self, operator: str, name: str, position: int, *, first: bool, exploded: bool) -> None:
        if exploded:
            raise self._fail(position, f"`{name}*` is not supported in a query")
        if first:
            self._open_query(operator, position)
        self._query.append(name)

    def _open_query(self, operator: str, position: int) -> None:
        """Moves a fixed query (`?v=1` before `{&q}`) out of the tokens."""
        last = self._tokens[-1] if self._tokens else ""
        text = last if isinstance(last, str) else ""
        started = bool(self._query) or "?" in text
        if any("?" in token for token in self._tokens[:-1] if isinstance(token, str)):
            raise self._fail(position - 1, "a variable in a query stands in `{?…}` or `{&…}`")
        if (operator == "&") != started:
            raise self._fail(position - 1, "a query starts with `{?…}` and goes on with `{&…}`")
        if "?" in text:
            before, _, fixed = text.partition("?")
            self._tokens[-1:] = [before] if before else []
            self._fixed = [(name, value) for name, _, value in (pair.partition("=") for pair in fixed.split("&"))]
