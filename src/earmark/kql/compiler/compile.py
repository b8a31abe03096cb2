"""The driver: a bound tree in, SQL with its holes out.

A query becomes one `WITH` list, an entry an operator. Operators are functions looked up by Microsoft's kind of node in
`operators`; this module keeps what they share: names, the list of common table expressions, lets and functions, and the
bookkeeping of what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from earmark.kql.base import Columns, CompiledQuery, Tables, view_names
from earmark.kql.compiler import conversions, expressions, macros
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.operators import OPERATORS, SOURCES
from earmark.kql.compiler.operators.join import narrowed_left
from earmark.kql.compiler.relation import NOTHING_READ, EventTime, Reach, Relation, physical, widest
from earmark.kql.compiler.scalar import PHYSICAL, Scalar, column, identifier
from earmark.kql.compiler.scope import NOW, Environment, Function, Refused, Scope, Value
from earmark.kql.compiler.tree import Node

MOST_SQL = 2_000_000
"""Characters of SQL that a query may become."""
_LONGEST_INLINE = 200
"""A let whose SQL is longer becomes a common table expression of one row."""
_COLUMN_NAMED = re.compile(r'"~\d+"')
HIDDEN_DAY = identifier("~day")
"""The column of the engine's views that holds the partition's day."""
EVENT_TIME_COLUMN = "Timestamp"


@dataclass(slots=True, eq=False)
class Part:
    """One common table expression."""

    name: str
    body: str
    """The whole SELECT; of a star, what follows `SELECT *` and the added columns."""
    star: bool = False
    source: str = ""
    """Of a star: what it selects from."""
    added: list[tuple[str, str]] = field(default_factory=list)
    """Columns put beside `*`: physical name and SQL."""
    hint: str = ""
    """MATERIALIZED or NOT MATERIALIZED, else DuckDB decides."""

    @property
    def sql(self) -> str:
        """The entry of the WITH list."""
        extra = "".join(f", {sql} AS {name}" for name, sql in self.added)
        body = f"SELECT *{extra} {self.body}" if self.star else self.body
        return f"{self.name} AS {self.hint + ' ' if self.hint else ''}({body})"


class Compilation:
    """One query on its way to SQL."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.macros: dict[str, None] = {}
        self.scanned: dict[str, str] = {}
        self._aside: Reach = NOTHING_READ
        self._parts: list[Part] = []
        self._size = 0
        self._columns = 0
        self._calls: list[Node] = []

    def compile(self, root: Node) -> tuple[CompiledQuery, Relation]:
        """The whole query."""
        relation = self.block(root, Environment())
        shown = ", ".join(f"{column.sql} AS {identifier(name)}" for name, column in relation.columns.items())
        self._check_size(len(shown))
        with_list = f"WITH {', '.join(part.sql for part in self._parts)} " if self._parts else ""
        sql = f"{with_list}SELECT {shown} FROM {relation.sql}{relation.order_by}"
        compiled = CompiledQuery(
            sql_parts=tuple(sql.split(NOW)),
            macros=tuple(macros.definitions(self.macros)),
            relations=tuple((name, table) for table, name in self.scanned.items()),
            sorted=bool(relation.order),
        )
        return compiled, replace(relation, reach=widest(relation.reach, self._aside))

    def block(self, node: Node, environment: Environment) -> Relation:
        """A query block: its statements, whose last gives the result."""
        result: Node | None = None
        for statement in node.list("Statements"):
            if statement.kind == "LetStatement":
                self.let(statement, environment)
            elif statement.kind == "ExpressionStatement":
                if result is not None:
                    raise Refused("a query that gives several results is not supported", statement)
                result = statement["Expression"]
            else:
                raise Refused(f"statement '{_spoken(statement.kind)}' is not supported", statement)
        if result is None:
            raise Refused("the query gives no result", node)
        if result.columns is None:
            raise Refused("the query gives a single value, not a table", result, hint="put `print` in front of it")
        return self.tabular(result, environment)

    # Names

    def let(self, statement: Node, environment: Environment) -> None:
        """Bind the name of a let statement; its value is made when it is first used."""
        name, expression = statement["Name"].name, statement["Expression"]
        if expression.kind == "FunctionDeclaration":
            environment.bind(name, Function(declaration=expression, environment=environment))
        elif expression.columns is not None:
            environment.bind_later(name, lambda: self.tabular(expression, environment))
        elif expression.type:
            environment.bind_later(name, lambda: self.value(expression, environment))
        else:
            raise Refused(f"a let of this kind ({_spoken(expression.kind)}) is not supported", expression)

    def value(self, node: Node, environment: Environment) -> Scalar:
        """A scalar that belongs to no row."""
        scope = Scope(self, environment)
        scalar = expressions.compile_scalar(node, scope)
        return self._standing(scalar, scope)

    def _standing(self, scalar: Scalar, scope: Scope) -> Scalar:
        if scalar.is_const or (not scope.row.hoisted and len(scalar.sql) <= _LONGEST_INLINE):
            return scalar
        name = self.new_column()
        relation = self.extend(scope.settled(), [(name, scalar.physical)])
        return replace(scalar.named(f"(SELECT {name} FROM {relation.sql})"), nullable=scalar.nullable)

    # Tables

    def tabular(self, node: Node, environment: Environment) -> Relation:
        """The relation that a tabular expression gives."""
        steps: list[Node] = []
        while True:
            if node.kind == "PipeExpression":
                steps.append(node["Operator"])
                node = node["Expression"]
            elif node.kind == "ParenthesizedExpression":
                node = node["Expression"]
            elif node.kind == "MaterializeExpression" or (
                node.kind == "FunctionCallExpression" and node["Name"].name == "materialize"
            ):
                node = node["Expression"] if node.kind == "MaterializeExpression" else node.arguments[0]
            else:
                break
        relation = self.source(node, environment)
        while steps:
            step = steps.pop()
            if step.kind == "JoinOperator":
                relation = narrowed_left(self, step, steps[-1] if steps else None, relation, environment)
            relation = self.apply(step, relation, environment)
        return relation

    def apply(self, step: Node, relation: Relation, environment: Environment) -> Relation:
        """One operator."""
        operator = OPERATORS.get(step.kind)
        if operator is None and step.kind == "EvaluateOperator":
            raise Refused(f"plugin '{step['FunctionCall']['Name'].name}' is not supported yet", step)
        if operator is None:
            raise Refused(f"operator '{_spoken(step.kind)}' is not supported yet", step)
        result = operator(self, step, relation, environment)
        self._check_shape(step, result)
        return result

    def source(self, node: Node, environment: Environment) -> Relation:
        """What stands at the head of a pipe."""
        if node.kind == "NameReference":
            return self.named(node, environment)
        if node.kind == "FunctionCallExpression":
            return self.call_tabular(node, environment)
        if node.kind == "FunctionDeclaration":
            return self._body(node["Body"], Environment(outer=environment))
        source = SOURCES.get(node.kind)
        if source is None:
            raise _refused_source(node)
        result = source(self, node, environment)
        self._check_shape(node, result)
        return result

    def named(self, node: Node, environment: Environment) -> Relation:
        """The relation that a name stands for."""
        symbol = node.symbol
        if symbol is not None and symbol.kind == "Table" and symbol.database:
            return self.scan(node)
        found = environment.find(node.name)
        if isinstance(found, Relation):
            return found
        if isinstance(found, Function):
            return self.call_tabular(node, environment)
        raise Refused(f"'{node.name}' cannot be used as a table here", node)

    def scan(self, node: Node) -> Relation:
        """A table of the estate, or a list."""
        return self.scan_table(node.name, node)

    def scan_table(self, name: str, node: Node) -> Relation:
        """The table of that name."""
        columns = self.tables.get(name)
        if columns is None:
            raise Refused(f"table '{name}' is not known", node)
        if any(shown.startswith("~") for shown, _ in columns):
            raise Refused(f"table '{name}' has a column whose name begins with ~", node, hint="rename that column")
        if name not in self.scanned:
            self.scanned[name] = f"v{len(self.scanned) + 1}"
        events = dict(columns).get(EVENT_TIME_COLUMN) == "datetime"
        return Relation(
            sql=self.scanned[name],
            columns={
                shown: column(stored, kind) for (shown, kind), stored in zip(columns, view_names(columns), strict=True)
            },
            event_time=EventTime(timestamp=identifier(EVENT_TIME_COLUMN), day=HIDDEN_DAY) if events else None,
            reach=None if events else NOTHING_READ,
            stable=True,
            table=name,
        )

    # Functions that the query declares

    def call_tabular(self, node: Node, environment: Environment, piped: Relation | None = None) -> Relation:
        """The table that a call gives; `piped` is the table that `invoke` puts in front of the arguments."""
        name = node["Name"].name if node.kind == "FunctionCallExpression" else node.name
        function = environment.find(name)
        if not isinstance(function, Function) or node.body is None:
            raise Refused(f"function '{name}' is not supported yet", node)
        scope = Scope(self, environment)
        inner = self._arguments(node, function, scope, piped)
        self._calls.append(node)
        relation = self._body(node.body, inner)
        self._calls.pop()
        return relation

    def call_scalar(self, node: Node, scope: Scope) -> Scalar:
        """The value that a call gives."""
        name = node["Name"].name if node.kind == "FunctionCallExpression" else node.name
        function = scope.environment.find(name)
        if not isinstance(function, Function) or node.body is None:
            raise Refused(f"function '{name}' is not supported yet", node)
        inner = self._arguments(node, function, scope, None)
        self._calls.append(node)
        inside = scope.within(inner)
        for statement in node.body.list("Statements"):
            self._let_in_row(statement, inside)
        value = expressions.compile_scalar(node.body["Expression"], inside)
        self._calls.pop()
        self._check_size(len(value.sql))
        return value

    def _let_in_row(self, statement: Node, scope: Scope) -> None:
        if statement.kind == "LetStatement" and statement["Expression"].type not in ("", "Function"):
            scope.environment.bind(
                statement["Name"].name, scope.hoist(expressions.compile_scalar(statement["Expression"], scope))
            )
        elif statement.kind == "LetStatement":
            self.let(statement, scope.environment)
        else:
            raise Refused(f"statement '{_spoken(statement.kind)}' is not supported in a function", statement)

    def _body(self, body: Node, environment: Environment) -> Relation:
        for statement in body.list("Statements"):
            if statement.kind != "LetStatement":
                raise Refused(f"statement '{_spoken(statement.kind)}' is not supported in a function", statement)
            self.let(statement, environment)
        return self.tabular(body["Expression"], environment)

    def _arguments(self, node: Node, function: Function, scope: Scope, piped: Relation | None) -> Environment:
        inner = Environment(outer=function.environment)
        parameters = list(function.declaration["Parameters"].list("Parameters"))
        given: dict[str, Value] = {}
        names = [parameter["NameAndType"]["Name"].name for parameter in parameters]
        if piped is not None:
            given[names[0]] = piped
        for at, argument in enumerate(
            node.arguments if node.kind == "FunctionCallExpression" else (), start=len(given)
        ):
            # An argument without a name goes by its place, also after named ones.
            name = names[at]
            if argument.kind == "SimpleNamedExpression":
                name, argument = argument["Name"].name, argument["Expression"]
            if name in given:
                raise Refused(f"argument '{name}' is given twice", node)
            given[name] = self._argument(argument, scope)
        for parameter in parameters:
            name, kind = parameter["NameAndType"]["Name"].name, parameter["NameAndType"]["Type"]
            if name not in given:
                default = parameter.get("DefaultValue")
                if default is None:
                    raise Refused(f"argument '{name}' is missing", node)
                given[name] = expressions.compile_scalar(default["Value"], Scope(self, Environment()))
            bound = given[name]
            if isinstance(bound, Scalar) and kind.symbol is not None and kind.symbol.name in PHYSICAL:
                bound = scope.hoist(self._converted(bound, kind.symbol.name, scope))
                if scope.row.relation is None:
                    bound = self._standing(bound, scope)
            inner.bind(name, bound)
        return inner

    @staticmethod
    def _converted(value: Scalar, kql_type: str, scope: Scope) -> Scalar:
        whole = isinstance(value.const, int) and not isinstance(value.const, bool)
        if whole and value.type == "long" and kql_type == "int" and abs(value.const) < 2**31:
            return constant(value.const, "int")
        return conversions.convert(value, kql_type, scope)

    def _argument(self, node: Node, scope: Scope) -> Value:
        if node.columns is not None:
            return self.tabular(node, scope.environment)
        return expressions.compile_scalar(node, scope)

    # Writing SQL

    def new_column(self) -> str:
        """A physical column name that nothing else has."""
        self._columns += 1
        return physical(self._columns)

    def emit(self, select: str, *, hint: str = "") -> str:
        """Add a common table expression; gives its name."""
        self._check_size(len(select))
        name = f"t{len(self._parts) + 1}"
        self._parts.append(Part(name=name, body=select, hint=hint))
        return name

    def emit_star(self, source: Relation, rest: str = "") -> str:
        """Add `SELECT * FROM source …`, which may be given more columns later; gives its name."""
        name = self.emit(f"FROM {source.sql}{rest}")
        self._parts[-1].star = True
        self._parts[-1].source = source.sql
        return name

    def read_again(self, relation: Relation) -> None:
        """Have a filtered scan read twice where it is used twice: keeping all its columns costs more than reading the few in use."""
        if not relation.stable:
            return
        parts = {part.name: part for part in self._parts}
        part = parts.get(relation.sql)
        while part is not None and part.star:
            part.hint = "NOT MATERIALIZED"
            part = parts.get(part.source)

    def extend(self, relation: Relation, added: Sequence[tuple[str, str]]) -> Relation:
        """The relation with more physical columns: into the common table expression it comes from, where that is possible."""
        if not added:
            return relation
        last = self._parts[-1] if self._parts else None
        if last is not None and last.star and last.name == relation.sql:
            made = {name for name, _ in last.added}
            if not any(made.intersection(_COLUMN_NAMED.findall(sql)) for _, sql in added):
                self._check_size(sum(len(sql) for _, sql in added))
                last.added.extend(added)
                return relation
        name = self.emit_star(relation)
        self._check_size(sum(len(sql) for _, sql in added))
        self._parts[-1].added.extend(added)
        return replace(relation, sql=name, table="")

    def with_hidden(self, relation: Relation, hoisted: Mapping[str, Scalar]) -> Relation:
        """The relation with hoisted values as hidden columns; one that needs another comes after it."""
        level: list[tuple[str, str]] = []
        for sql, scalar in hoisted.items():
            if {name for name, _ in level}.intersection(_COLUMN_NAMED.findall(sql)):
                relation = self.extend(relation, level)
                level = []
            level.append((scalar.sql, scalar_physical(sql, scalar)))
        relation = self.extend(relation, level)
        return replace(relation, known={**relation.known, **hoisted})

    def one_row(self) -> Relation:
        """A relation of one row without columns."""
        return Relation(sql=self.emit('SELECT 0 AS "~0"'), columns={}, stable=True)

    def filter(self, relation: Relation, condition: str) -> Relation:
        """The rows for which a condition holds."""
        return replace(relation, sql=self.emit_star(relation, f" WHERE {condition}"), table="")

    def placed(self, relation: Relation, named: Iterable[tuple[str, Scalar]]) -> tuple[Relation, dict[str, Scalar]]:
        """The relation with values put into columns, and those columns by their KQL names; plain columns stay where they are."""
        there = {column.sql for column in relation.columns.values()}
        columns: dict[str, Scalar] = {}
        added: list[tuple[str, str]] = []
        for name, scalar in named:
            if scalar.sql in there or _COLUMN_NAMED.fullmatch(scalar.sql):
                columns[name] = scalar
            else:
                made = self.new_column()
                added.append((made, scalar.physical))
                columns[name] = scalar.named(made)
        return self.extend(relation, added), columns

    def project(self, relation: Relation, named: Iterable[tuple[str, Scalar]]) -> Relation:
        """The relation with these columns for everyone to see; others stay below, DuckDB leaves out what nobody reads."""
        relation, columns = self.placed(relation, named)
        return replace(relation, columns=columns, table="")

    def first_value(self, relation: Relation, node: Node) -> Scalar:
        """The first column of the first row."""
        if not relation.columns:
            raise Refused("toscalar needs a table with a column", node)
        first = next(iter(relation.columns.values()))
        order = relation.order_by or f" ORDER BY {first.sql} NULLS LAST"
        sql = f"(SELECT {first.sql} FROM {relation.sql}{order} LIMIT 1)"
        if first.type == "string":
            return replace(first.named(f"coalesce({sql}, '')"), nullable=False)
        return replace(first.named(sql), nullable=True)

    def read_aside(self, relation: Relation) -> None:
        """Note what a table used inside a scalar expression reads."""
        self._aside = widest(self._aside, relation.reach)

    @property
    def call_site(self) -> Node | None:
        """The outermost call that is being written out: where to point at for a fault inside a function's body."""
        return self._calls[0] if self._calls else None

    def _check_size(self, more: int) -> None:
        self._size += more
        if self._size > MOST_SQL:
            raise Refused("the query is too large: it becomes too much SQL", None, code="EK004")

    def _check_shape(self, node: Node, relation: Relation) -> None:
        """The service knows which columns an operator gives: any difference is a mistake of the compiler, so refuse."""
        if node.columns is None:
            return
        made: Columns = tuple((name, scalar.type) for name, scalar in relation.columns.items())
        if made != node.columns:
            raise Refused(
                f"operator '{_spoken(node.kind)}' gives other columns than expected here",
                node,
                hint=_difference(node.columns, made),
            )


def scalar_physical(sql: str, scalar: Scalar) -> str:
    """Some SQL cast to the physical type of a scalar."""
    return f"CAST({sql} AS {PHYSICAL[scalar.type]})"


def _refused_source(node: Node) -> Refused:
    """Why this cannot stand at the head of a pipe."""
    only = "a hunt reads the tables of the estate and the lists of the project, nothing else"
    if node.kind == "ExternalDataExpression":
        return Refused("externaldata is not allowed", node, hint=f"{only}: put the rows into a list")
    if node.kind == "PathExpression" or "External" in node.kind:
        return Refused("other clusters, databases and external tables cannot be read", node, hint=only)
    if "Command" in node.kind:
        return Refused("a management command is not a query", node)
    if node.kind in OPERATORS:
        return Refused(f"operator '{_spoken(node.kind)}' needs a table in front of it", node)
    return Refused(f"operator '{_spoken(node.kind)}' is not supported yet", node)


def _difference(expected: Columns, made: Columns) -> str:
    for left, right in zip(expected, made, strict=False):
        if left != right:
            return f"expected {left[0]}:{left[1]}, found {right[0]}:{right[1]}"
    return f"expected {len(expected)} columns, found {len(made)}"


def _spoken(kind: str) -> str:
    """How people write what Microsoft's kind of node stands for: ParseKvOperator → parse-kv."""
    stem = re.sub(r"(Operator|Expression|Statement)$", "", kind)
    stem = {"Filter": "Where", "ReduceBy": "Reduce"}.get(stem, stem)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()
