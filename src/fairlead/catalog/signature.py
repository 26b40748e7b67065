"""A function's signature as a tool's contract: arguments in, result out, both with their schema.

`inspect_function` does everything that can be done once; what is left for a call is
`Signature.decode`, one pass from JSON to keyword arguments. It runs nothing, knows no transport,
and imports neither pydantic nor attrs.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec.structs import asdict, astuple

from fairlead.catalog.docstring import parse
from fairlead.catalog.faults import ArgumentError, ResultError, SignatureError, explain, locate
from fairlead.catalog.foreign import is_model, read_foreign, write_foreign
from fairlead.catalog.hints import Hints, check_readable
from fairlead.catalog.parameters import Kind, Parameter, Parameters, read_function
from fairlead.catalog.records import Factory, Field, as_json, attributes, make_struct
from fairlead.catalog.schema import input_schema, output_schema

__all__ = ["ArgumentError", "ResultError", "Signature", "SignatureError", "inspect_function"]

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NO_ARGUMENTS: Final = msgspec.Raw(b"{}")


class Signature:
    """What a function takes and gives; made by `inspect_function`, and not changed afterwards.

    `arguments` is a Struct with one field per parameter; `names` are the parameters in order,
    without the one that receives the context (`context`, or None). `wrapped` says that the result
    goes out as `{"result": …}`. `returns` is the return annotation as msgspec reads it, or None
    where results are not checked. `description` comes from the docstring.
    """

    __slots__ = (
        "_build",
        "_encoded",
        "_exact",
        "_model",
        "_parse",
        "_reread",
        "arguments",
        "context",
        "description",
        "input_schema",
        "kind",
        "names",
        "output_schema",
        "returns",
        "wrapped",
    )

    arguments: type[msgspec.Struct]
    names: tuple[str, ...]
    context: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    wrapped: bool
    returns: Any
    kind: Kind
    description: str | None

    def __init__(
        self,
        arguments: type[msgspec.Struct],
        found: Parameters,
        *,
        input_schema: dict[str, Any],
        output: "_Output",
        description: str | None,
    ):
        self.arguments = arguments
        self.names = tuple(parameter.name for parameter in found.parameters)
        self.context = found.context
        self.kind = found.kind
        self.input_schema = input_schema
        self.description = description
        self.output_schema, self.wrapped, self.returns = output
        self._encoded = tuple(parameter.encoded for parameter in found.parameters)
        self._parse = msgspec.json.Decoder(arguments, dec_hook=read_foreign).decode
        self._build: Callable[[Any], dict[str, Any]] = asdict
        if tuple(attributes(self.names)) != self.names:
            names = self.names
            self._build = lambda struct: dict(zip(names, astuple(struct), strict=True))
        self._reread = msgspec.json.Decoder(self.returns or Any, dec_hook=read_foreign).decode
        # A model was checked when it was made: pydantic's part, which need not be done twice.
        self._model: Any = self.returns if is_model(self.returns) else ()
        self._exact = self.returns if self.returns in (int, bool, str, NoneType) else None

    def decode(self, raw: msgspec.Raw | bytes | msgspec.UnsetType | None) -> dict[str, Any]:
        """JSON arguments to keyword arguments, defaults filled in; None and UNSET mean `{}`.

        Raises `ArgumentError`.
        """
        if raw is None or raw is msgspec.UNSET:
            raw = _NO_ARGUMENTS
        try:
            return self._build(self._parse(raw))
        except _UNREADABLE as error:
            if bytes(raw).strip() == b"null":
                return self.decode(None)
            raise explain(error, self._encoded) from None

    def convert(self, arguments: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
        """The same from builtins: `{"when": "2026-01-01"}` or `{"when": date(2026, 1, 1)}`.

        With `strict=False` text is read as what is wanted (`"3"` as 3), as the variables of a URI
        need it. Raises `ArgumentError`.
        """
        try:
            struct = msgspec.convert(arguments, self.arguments, strict=strict, dec_hook=read_foreign, str_keys=True)
        except (msgspec.ValidationError, RecursionError) as error:
            raise explain(error, self._encoded) from None
        return self._build(struct)

    def check_result(self, value: Any) -> Any:
        """The value, if it fits the return annotation, not yet wrapped; raises `ResultError`.

        What comes back can be encoded as JSON without a hook: models and paths are builtins then.
        """
        exact = self._exact
        if exact is type(value) and (exact is not str or value.isascii()):
            return value
        trip = _Trip()
        raw = self._check(value, trip)
        return msgspec.json.decode(raw) if trip.written else value

    def encode_result(self, value: Any) -> msgspec.Raw:
        """The checked value as the JSON of `structuredContent`, wrapped where it has to be; raises `ResultError`.

        Spares the second encoding that `check_result` leaves to its caller.
        """
        raw = self._check(value, _Trip())
        return msgspec.Raw(b'{"result":' + raw + b"}" if self.wrapped else raw)

    def _check(self, value: Any, trip: "_Trip") -> bytes:
        # What goes out is what has to fit: instances may hold anything, and NaN is null in JSON.
        try:
            raw = msgspec.json.encode(value, enc_hook=trip.write)
            if self.returns is None or isinstance(value, self._model):
                return raw
            if trip.written:
                msgspec.json.decode(raw, type=self.returns, dec_hook=trip.read)
            else:
                self._reread(raw)
        except msgspec.ValidationError as error:
            path, text = locate(error)
            raise ResultError(f"{path}: {text}; the return annotation promises otherwise") from None
        except (TypeError, ValueError, NotImplementedError, RecursionError) as error:
            raise ResultError(f"the result cannot be written as JSON: {error}") from error
        return raw


class _Trip:
    """One result on its way to JSON and back.

    A model may write itself otherwise than it reads itself, so classes that were seen writing are
    taken for good when they are read.
    """

    def __init__(self) -> None:
        self.written: set[type] = set()

    def write(self, value: Any) -> Any:
        self.written.add(type(value))
        return write_foreign(value)

    def read(self, hint: Any, value: Any) -> Any:
        if any(issubclass(cls, hint) for cls in self.written) and is_model(hint):
            return hint.__new__(hint)  # msgspec asks for an instance, and drops it
        return read_foreign(hint, value)


class _Output(NamedTuple):
    schema: dict[str, Any] | None
    wrapped: bool
    returns: Any


def inspect_function(
    fn: Callable[..., Any],
    *,
    context_type: type | tuple[type, ...],
    content_types: tuple[type, ...] = (),
    extra: Literal["forbid", "ignore"] = "forbid",
    output: bool = True,
) -> Signature:
    """The signature of a function, method, partial or callable object.

    A parameter of `context_type` is left out of the arguments. A return annotation with one of
    `content_types` has no output schema, neither has any with `output=False`. `extra` says what
    happens to arguments that the function does not have. Raises `SignatureError`, which names
    the function, the parameter and the next step.
    """
    contexts = context_type if isinstance(context_type, tuple) else (context_type,)
    found = read_function(fn, contexts)
    docs = parse(found.docstring)
    fields = _fields(found)
    arguments = make_struct("Arguments", fields, forbid=extra == "forbid")
    descriptions = {p.encoded: docs.parameters[p.name] for p in found.parameters if p.name in docs.parameters}
    try:
        schema = input_schema(arguments, descriptions, _defaults(found.parameters))
    except SignatureError as error:
        raise _blame(found.name, fields, error) from error
    return Signature(
        arguments,
        found,
        input_schema=schema,
        output=_output(found, content_types, docs.returns) if output else _Output(None, False, None),
        description=docs.description or None,
    )


def _fields(found: Parameters) -> list[Field]:
    hints = Hints()
    fields = []
    taken: set[str] = set()
    for parameter in found.parameters:
        if parameter.encoded in taken:
            raise SignatureError(f"{found.name}: two parameters are called `{parameter.encoded}`: change one alias")
        taken.add(parameter.encoded)
        try:
            hint = hints.plain(parameter.hint)
            check_readable(hint)
        except (SignatureError, NameError, TypeError, RecursionError) as error:
            raise _refusal(found.name, parameter.name, error) from error
        fields.append(Field(parameter.name, parameter.encoded, hint, parameter.default))
    return fields


def _refusal(function: str, parameter: str, error: Exception) -> SignatureError:
    return SignatureError(f"{function}: parameter `{parameter}` cannot be an argument: {error}; change its annotation")


def _blame(function: str, fields: list[Field], error: SignatureError) -> SignatureError:
    """The refusal of the first parameter that has no schema of its own."""
    for field in fields:
        try:
            input_schema(make_struct("Arguments", [field]), {})
        except SignatureError as reason:
            return _refusal(function, field.name, reason)
    return SignatureError(f"{function}: {error}")


def _defaults(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    values = {
        parameter.encoded: as_json(parameter.default)
        for parameter in parameters
        if parameter.default is not msgspec.NODEFAULT and not isinstance(parameter.default, Factory)
    }
    return {name: value for name, value in values.items() if value is not msgspec.NODEFAULT}


def _output(found: Parameters, content_types: tuple[type, ...], description: str | None) -> _Output:
    hint = _result_hint(found)
    try:
        plain = Hints().plain(hint)
        schema, wrapped = output_schema(plain, description=description, content_types=content_types)
        if schema is not None:
            check_readable(plain)
    except (SignatureError, NameError, TypeError, RecursionError):
        # A result needs no schema: what cannot be described is answered as text.
        return _Output(None, False, None)
    return _Output(schema, wrapped, plain if schema is not None else None)


def _result_hint(found: Parameters) -> Any:
    """What the function's result is annotated with; of a generator, what it returns at its end."""
    if found.returns is inspect.Signature.empty or found.kind == "async_generator":
        return None
    if found.kind == "generator":
        given = typing.get_args(found.returns)
        return given[2] if len(given) == 3 else None
    return found.returns
