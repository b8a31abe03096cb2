"""The driver: a bound tree in, SQL with its holes out.

A query becomes one `WITH` list, an entry an operator. Operators are functions looked up by Microsoft's kind of node in
`operators`; this module keeps what they share: names, the list of common table expressions, lets and functions, and the
bookkeeping of what was read.
"""

from __future__ import annotations

from dataclasses import replace

from earmark.kql.base import PHYSICAL, Columns, CompiledQuery, Tables, view_names
from earmark.kql.compiler import conversions, expressions, macros
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.operators import OPERATORS, SOURCES
from earmark.kql.compiler.operators.join import narrowed_left
from earmark.kql.compiler.refusals import INSTEAD, difference, refused_source, spoken
from earmark.kql.compiler.relation import NOTHING_READ, EventTime, Reach, Relation, widest
from earmark.kql.compiler.scalar import Scalar, column, identifier
from earmark.kql.compiler.scope import NOW, Environment, Function, Refused, Scope, Value
from earmark.kql.compiler.tree import Node
from earmark.kql.compiler.writer import Writer

_LONGEST_INLINE = 200
"""A let whose SQL is longer becomes a common table expression of one row."""
HIDDEN_DAY = identifier("~day")
"""The column of the engine's views that holds the partition's day."""
_CLOSING = {"CountOperator", "DistinctOperator", "ProjectOperator", "SummarizeOperator"}
"""Operators after which only the columns that they name are left."""
_READ_ALL = {"pack_all", "column_ifexists", "columnifexists"}
"""Functions that may read a column that they do not name."""
EVENT_TIME_COLUMN = "Timestamp"


class Compilation(Writer):
    """One query on its way to SQL."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.tables = tables
        self.macros: dict[str, None] = {}
        self.scanned: dict[str, str] = {}
        self._aside: Reach = NOTHING_READ
        self._calls: list[Node] = []
        self._following: list[Node] = []

    def compile(self, root: Node) -> tuple[CompiledQuery, Relation]:
        """The whole query."""
        relation = self.block(root, Environment())
        shown = ", ".join(f"{column.sql} AS {identifier(name)}" for name, column in relation.columns.items())
        self.check_size(len(shown))
        sql = f"{self.with_list}SELECT {shown} FROM {relation.sql}{relation.order_by}"
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
                raise Refused(f"statement '{spoken(statement.kind)}' is not supported", statement)
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
            raise Refused(f"a let of this kind ({spoken(expression.kind)}) is not supported", expression)

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
        self._following = steps[::-1]
        relation = self.source(node, environment)
        while steps:
            step = steps.pop()
            self._following = steps[::-1]
            if step.kind == "JoinOperator":
                relation = narrowed_left(self, step, steps[-1] if steps else None, relation, environment)
            relation = self.apply(step, relation, environment)
        return relation

    def is_unread(self, column: str) -> bool:
        """Whether the operators after the one at hand do without a column, up to one that leaves it behind."""
        for step in self._following:
            parts = list(step.walk())
            if any(part.name == column or part.name in _READ_ALL or part.kind == "StarExpression" for part in parts):
                return False
            if any(part.columns is not None and part is not step for part in parts):
                return False
            if step.kind in _CLOSING:
                return True
            if step.kind not in ("FilterOperator", "ExtendOperator", "SortOperator"):
                return False
        return False

    def apply(self, step: Node, relation: Relation, environment: Environment) -> Relation:
        """One operator."""
        operator = OPERATORS.get(step.kind)
        if operator is None and step.kind == "EvaluateOperator":
            name = step["FunctionCall"]["Name"].name
            raise Refused(f"plugin '{name}' is not supported yet", step, hint=INSTEAD.get(name, ""))
        if operator is None:
            word = spoken(step.kind)
            raise Refused(f"operator '{word}' is not supported yet", step, hint=INSTEAD.get(word, ""))
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
            raise refused_source(node, is_operator=node.kind in OPERATORS)
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
        self.check_size(len(value.sql))
        return value

    def _let_in_row(self, statement: Node, scope: Scope) -> None:
        if statement.kind == "LetStatement" and statement["Expression"].type not in ("", "Function"):
            value = scope.hoist(expressions.compile_scalar(statement["Expression"], scope))
            scope.environment.bind(statement["Name"].name, value, scope.row)
        elif statement.kind == "LetStatement":
            self.let(statement, scope.environment)
        else:
            raise Refused(f"statement '{spoken(statement.kind)}' is not supported in a function", statement)

    def _body(self, body: Node, environment: Environment) -> Relation:
        for statement in body.list("Statements"):
            if statement.kind != "LetStatement":
                raise Refused(f"statement '{spoken(statement.kind)}' is not supported in a function", statement)
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
            inner.bind(name, bound, scope.row)
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

    def _check_shape(self, node: Node, relation: Relation) -> None:
        """The service knows which columns an operator gives: any difference is a mistake of the compiler, so refuse."""
        if node.columns is None:
            return
        made: Columns = tuple((name, scalar.type) for name, scalar in relation.columns.items())
        if made != node.columns:
            raise Refused(
                f"operator '{spoken(node.kind)}' gives other columns than expected here",
                node,
                hint=difference(node.columns, made),
            )
