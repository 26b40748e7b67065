"""What a function takes, gives back and is: its parameters with resolved annotations.

Reads functions, bound methods, `functools.partial`, callable objects and decorated functions
(`__wrapped__`). It refuses what cannot be filled from a JSON object: positional-only parameters,
`*args` and `**kwargs`; and it calls nothing.
"""

import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from fairlead.catalog.constraints import is_field
from fairlead.catalog.faults import SignatureError
from fairlead.catalog.records import Factory

Kind = Literal["async", "sync", "async_generator", "generator"]

_NEXT_STEPS: Final = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only; arguments come by name: remove the `/`",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values; take a list, such as `values: list[int]`",
    inspect.Parameter.VAR_KEYWORD: "takes any name; name each parameter, or take one `options: dict[str, Any]`",
}


class Parameter(typing.NamedTuple):
    """One parameter: `encoded` is its name in JSON, `default` a value, a `Factory` or NODEFAULT."""

    name: str
    encoded: str
    hint: Any
    default: Any


class Parameters(typing.NamedTuple):
    """What `read_function` found."""

    name: str
    parameters: tuple[Parameter, ...]
    context: str | None
    returns: Any  # inspect.Signature.empty without an annotation
    kind: Kind
    docstring: str


def read_function(function: Callable[..., Any], context_types: tuple[type, ...]) -> Parameters:
    """Everything about the function that its tool needs; raises `SignatureError`."""
    name = name_of(function)
    if isinstance(function, type):
        raise SignatureError(f"{name} is a class: offer a function, or an instance with `__call__`")
    target, bound = _target(function)
    try:
        signature = inspect.signature(function)
        resolve = _Resolver(name, target, context_types)
        returns = resolve("its result", signature.return_annotation)
        hints = {p.name: resolve(f"parameter `{p.name}`", p.annotation) for p in signature.parameters.values()}
    except (ValueError, NameError) as error:
        raise SignatureError(f"{name} has no signature that can be read: {error}") from error
    offered = [p for p in signature.parameters.values() if p.name not in bound]
    contexts = [p.name for p in offered if _is_context(hints[p.name], context_types)]
    if len(contexts) > 1:
        raise SignatureError(f"{name} takes the context twice, in {' and '.join(contexts)}: keep one")
    parameters = tuple(_parameter(name, p, hints[p.name]) for p in offered if p.name not in contexts)
    kind = kind_of(function)
    return Parameters(name, parameters, contexts[0] if contexts else None, returns, kind, _docstring(function, target))


def name_of(function: Callable[..., Any]) -> str:
    """The name for messages: of the function, of what a partial calls, or of the object's class."""
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", None) or type(function).__name__


def kind_of(function: Callable[..., Any]) -> Kind:
    """How the function runs.

    A plain wrapper around an async function counts as async: a decorator that is not aware of
    coroutines hands one through.
    """
    while isinstance(function, functools.partial):
        function = function.func
    layers: list[Any] = [function]
    if not inspect.isroutine(function):
        layers = [type(function).__call__]
    while wrapped := getattr(layers[-1], "__wrapped__", None):
        layers.append(wrapped)
    for layer in layers:
        if inspect.iscoroutinefunction(layer):
            return "async"
        if inspect.isasyncgenfunction(layer):
            return "async_generator"
        if inspect.isgeneratorfunction(layer):
            return "generator"
    return "sync"


def _target(function: Any) -> tuple[Any, frozenset[str]]:
    """The function at the bottom, whose globals the annotations are written in, and the names already given."""
    bound: set[str] = set()
    while True:
        if isinstance(function, functools.partial):
            bound |= function.keywords.keys()  # fixed by the author, perhaps a secret: not to be offered
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and not isinstance(function, type):
            function = type(function).__call__
        else:
            return function, frozenset(bound)


def _docstring(function: Any, target: Any) -> str:
    candidates = [target]
    if inspect.isroutine(function):
        candidates = [function, target]  # a decorator may have written its own
    elif not isinstance(function, functools.partial):
        candidates = [target, type(function)]
    return next((doc for doc in map(inspect.getdoc, candidates) if doc), "")


def _parameter(function: str, given: inspect.Parameter, hint: Any) -> Parameter:
    if given.kind in _NEXT_STEPS:
        raise SignatureError(f"{function}: parameter `{given.name}` {_NEXT_STEPS[given.kind]}")
    hint = Any if hint is inspect.Parameter.empty else hint
    default = msgspec.NODEFAULT if given.default is inspect.Parameter.empty else given.default
    if is_field(default):
        hint, default = typing.Annotated[hint, default], msgspec.NODEFAULT
    encoded = given.name
    for field in _fields(hint):
        encoded = _alias(field) or encoded
        if default is msgspec.NODEFAULT:
            default = _field_default(field)
    if default is None:
        hint = typing.Optional[hint]  # noqa: UP045 - `hint` may be a class whose metaclass has its own |
    return Parameter(given.name, encoded, hint, default)


def _fields(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) is typing.Annotated:
        yield from (fact for fact in typing.get_args(hint)[1:] if is_field(fact))


def _alias(field: Any) -> str | None:
    alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
    return alias if isinstance(alias, str) else None


def _field_default(field: Any) -> Any:
    if field.default_factory is not None:
        return Factory(field.default_factory)
    undefined = field.default is ... or type(field.default).__name__ == "PydanticUndefinedType"
    return msgspec.NODEFAULT if undefined else field.default


def _is_context(hint: Any, context_types: tuple[type, ...]) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _is_context(typing.get_args(hint)[0], context_types)
    if origin in (typing.Union, types.UnionType):
        return any(_is_context(member, context_types) for member in typing.get_args(hint))
    cls = origin or hint
    return isinstance(cls, type) and issubclass(cls, context_types)


class _Resolver:
    """Turns annotations that are text into what they name."""

    def __init__(self, name: str, target: Any, context_types: tuple[type, ...]):
        self._name = name
        self._globals: Mapping[str, Any] = getattr(target, "__globals__", {})
        # A context imported under TYPE_CHECKING alone is known all the same.
        self._locals = {cls.__name__: cls for cls in context_types if cls.__name__ not in self._globals}
        self._locals |= _enclosing(target)
        self._locals |= {parameter.__name__: parameter for parameter in getattr(target, "__type_params__", ())}

    def __call__(self, what: str, annotation: Any) -> Any:
        if annotation is inspect.Parameter.empty:
            return annotation

        def carrier() -> None: ...

        carrier.__annotations__ = {"it": annotation}
        try:
            namespace = dict(self._globals)
            return typing.get_type_hints(carrier, namespace, self._locals, include_extras=True)["it"]
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            raise SignatureError(
                f"{self._name}: the annotation of {what}, {annotation!r}, cannot be resolved ({error}): "
                "import or define what it names before the function, outside of TYPE_CHECKING"
            ) from error


def _enclosing(target: Any) -> dict[str, Any]:
    """The local names around a function inside functions: its closure, and the frames still running."""
    names: dict[str, Any] = {}
    code = getattr(target, "__code__", None)
    if code is None:
        return names
    outer = target.__qualname__
    while ".<locals>." in outer:
        outer = outer.rpartition(".<locals>.")[0]
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_qualname == outer and frame.f_globals is target.__globals__:
                names = {**frame.f_locals, **names}
                break
            frame = frame.f_back  # type: ignore[assignment]
    for name, cell in zip(code.co_freevars, target.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return names
