"""What stands inside the parentheses of an action: literals, and exceptions made of them.

Python's own parser reads it; only literals are taken from the tree that it returns, and nothing in it is evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, final

from resilience._failpoints.script.actions.action import Action
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.exception_names import exception_class_name, find_exception_class
from resilience._failpoints.script.source import Source
from resilience._failpoints.script.values import call_text
from resilience._support.wording import did_you_mean

Arguments: TypeAlias = tuple[tuple[object, ...], dict[str, Any]]

_CALL = "_("  # arguments are parsed as those of a call to this name
_LITERAL = "a Python literal, such as 500, 'text', None, [1, 2] or {'ok': True}"
_LINE_BREAK = re.compile(r"[\t\n\v\f\r]")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")

_KEYWORD = re.compile(r"([^\W\d]\w*)\s*=(?!=)\s*")


def literal_argument(source: Source, start: int, end: int) -> object:
    """Return the one literal between two positions."""
    values = _Values(source, start, end)
    if values.keywords:
        raise values.error(values.keywords[0], "a literal without a name")
    if not values.args:
        raise source.error(source.skip(start), f"{_LITERAL}; or return alone for None, return(()) for an empty tuple")
    if len(values.args) > 1:
        raise values.error(values.args[1], "')': it takes one value, and a tuple is written return((1, 2))")
    return values.literal(values.args[0])


def read_exception(source: Source, start: int, end: int) -> tuple[BaseException, str | None]:
    """Return the one exception between two positions, and its text, if it has one. Its class is called once."""
    written = _NAME.match(source.text, start)
    if written is None:
        raise source.error(start, "an exception, such as OSError('lost') or httpx.ConnectTimeout('slow')")
    name = written[0]
    cls = source.read(start, find_exception_class, name)
    opening = source.skip(written.end())
    texts: dict[int, str] = {}
    arguments: Arguments = (), {}
    if opening < end:
        if source.text[opening] != "(":
            raise source.error(opening, "'(' and the arguments of the exception, or ')'")
        closing = source.closing(opening)
        after = source.skip(closing + 1)
        if after < end:
            raise source.error(after, "')' after the exception")
        arguments = _Values(source, opening + 1, closing, texts).arguments()
    return _made(source, start, name, cls, arguments, texts)


def read_parameters(source: Source, start: int, end: int, action: type[Action]) -> dict[str, object]:
    """Return the values between two positions by the names of the action's parameters."""
    unnamed = [each for each in action.parameters if not each.is_named]
    by_name = {each.name: each for each in action.parameters}
    given: dict[str, object] = {}
    for first, last in source.pieces(start, end):
        keyword = _KEYWORD.match(source.text, first, last)
        if keyword is not None:
            parameter = by_name.get(keyword[1])
            if parameter is None:
                known = ", ".join(f"{each}=" for each in by_name)
                raise source.error(first, f"{known} in {action.word}(...){did_you_mean(keyword[1], by_name)}")
        elif not unnamed:
            raise source.error(first, f"')': {action.word} takes no more values")
        else:
            parameter = unnamed[0]
        if parameter in unnamed:
            unnamed.remove(parameter)
        if parameter.name in given:
            raise source.error(first, f"another name: {parameter.name} is given already")
        clash = next(
            (each for each in given if parameter.excludes == each or by_name[each].excludes == parameter.name), ""
        )
        if clash:
            raise source.error(
                first, f"')': {action.word} takes {clash} or {parameter.name}, and {clash} is given already"
            )
        begins = keyword.end() if keyword else first
        given[parameter.name] = source.read(begins, parameter.kind.read, source.text[begins:last].rstrip())
    missing = next((each for each in action.parameters if each.is_required and each.name not in given), None)
    if missing is not None:
        raise source.error(end, f"{missing.kind.expected}, as in {action.example}")
    return given


def _made(
    source: Source, position: int, name: str, cls: type[BaseException], arguments: Arguments, texts: dict[int, str]
) -> tuple[BaseException, str | None]:
    """Return what a class makes of arguments, and the text of the call; ``texts`` has those of exceptions in them."""
    args, keywords = arguments
    try:
        made: object = cls(*args, **keywords)
    except Exception as error:
        raised = f"{name}(...), which raised {type(error).__qualname__}: {error}"
        raise source.error(position, "arguments that the class takes", found=raised) from error
    if not isinstance(made, BaseException):
        raise source.error(position, "a class that makes exceptions", found=f"{name}(...), which made no exception")
    return made, call_text(exception_class_name(cls) or name, args, keywords, texts)


@final
class _Values:
    """The parsed arguments between two positions of a script."""

    def __init__(self, source: Source, start: int, end: int, texts: dict[int, str] | None = None) -> None:
        self._texts = {} if texts is None else texts  # of the exceptions inside, by their ids
        self._source = source
        self._start = start
        self._parsed = f"{_CALL}{_LINE_BREAK.sub(' ', source.text[start:end])})"
        call = self._parse(end)
        self.args = call.args
        self.keywords = call.keywords

    def arguments(self, call: ast.Call | None = None) -> Arguments:
        """Return the values of a call inside, or of the whole, with exceptions among them."""
        args = self.args if call is None else call.args
        keywords: dict[str, Any] = {}
        for keyword in self.keywords if call is None else call.keywords:
            if keyword.arg is None or keyword.arg in keywords:
                raise self.error(keyword, "keyword arguments, each of its own name")
            keywords[keyword.arg] = self._value(keyword.value, self._exception)
        return tuple(self._value(each, self._exception) for each in args), keywords

    def literal(self, node: ast.expr) -> object:
        return self._value(node, self._no_call)

    def error(self, node: ast.expr | ast.keyword, expected: str = _LITERAL) -> ScriptError:
        return self._source.error(self._position(node), expected)

    def _parse(self, end: int) -> ast.Call:
        start = self._start - len(_CALL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # what Python only warns of, as '\d' in quotes, is a mistake here
                tree = ast.parse(self._parsed, mode="eval").body
        except SyntaxError as error:
            position = max(start + (error.offset or 1) - 1, self._source.skip(self._start))
            raise self._source.error(min(position, end), _LITERAL) from None
        except UnicodeEncodeError as error:
            raise self._source.error(start + error.start, "text that can be encoded") from None
        except ValueError:
            raise self._source.error(max(self._start, self._source.text.find("\0", self._start)), _LITERAL) from None
        if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
            raise self._source.error(self._start, _LITERAL)
        return tree

    def _value(self, node: ast.expr, call: Callable[[ast.Call], object]) -> object:
        match node:
            case ast.Constant() | ast.UnaryOp() | ast.BinOp():
                try:
                    return ast.literal_eval(node)  # numbers may be signed or complex
                except (ValueError, TypeError):
                    raise self.error(node) from None
            case ast.Tuple() | ast.List():
                values = [self._value(each, call) for each in node.elts]
                return values if isinstance(node, ast.List) else tuple(values)
            case ast.Set():
                return {self._hashable(each) for each in node.elts}
            case ast.Dict():
                keys = [self._hashable(key) for key in self._keys(node)]
                return dict(zip(keys, (self._value(each, call) for each in node.values), strict=True))
            case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
                return set()
            case ast.Call():
                return call(node)
            case ast.Name():
                raise self.error(node, _LITERAL + did_you_mean(node.id, ("None", "True", "False")))
        raise self.error(node)

    def _keys(self, node: ast.Dict) -> Iterator[ast.expr]:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise self.error(value)  # **value
            yield key

    def _hashable(self, node: ast.expr) -> object:
        value = self.literal(node)
        try:
            hash(value)
        except TypeError:
            raise self.error(node, "something hashable, as members of a set and keys of a dict are") from None
        return value

    def _no_call(self, node: ast.Call) -> object:
        raise self.error(node)

    def _exception(self, node: ast.Call) -> BaseException:
        name = _dotted(node.func)
        if name is None:
            raise self.error(node)
        position = self._position(node)
        cls = self._source.read(position, find_exception_class, name)
        made, text = _made(self._source, position, name, cls, self.arguments(node), self._texts)
        if text is not None:
            self._texts[id(made)] = text
        return made

    def _position(self, node: ast.expr | ast.keyword) -> int:
        before = self._parsed.encode()[: node.col_offset].decode()  # the tree counts bytes
        return self._start + len(before) - len(_CALL)


def _dotted(node: ast.expr) -> str | None:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            holder = _dotted(node.value)
            return holder and f"{holder}.{node.attr}"
        case _:
            return None
