// What the Python side asks of Microsoft's language service. Everything crosses as JSON text.
//
//   EarmarkKql.declare(schema)        {"tables": [[name, [[column, type], ...]], ...]}  replaces the database that queries are bound to
//   EarmarkKql.analyze(text, limits)  {diagnostics, columns, tree | null, too_big}
//
// A tree node is {k: kind, a: start, z: end, t: type, s: symbol, n: result name, c: {child name: node | [nodes] | token}, b: body, p: its parameters, v: name,
// w: has wildcards}; absent keys say "none". A literal token is [text, value], any other token its text; punctuation is left out. A scalar type is its name,
// a table type a number into `tables`; a symbol is a number into `symbols`; the body of a called user function is a number into
// `bodies`. Sharing these keeps the JSON near-linear where functions call functions.
var EarmarkKql = (function () {
  "use strict";
  var K = Kusto.Language, S = K.Symbols, kinds = {}, symbolKinds = {};
  var globals = K.GlobalState.Default;

  function names(type, into) { Object.keys(type).forEach(function (n) { if (typeof type[n] === "number") into[type[n]] = n; }); }
  names(K.Syntax.SyntaxKind, kinds);
  names(S.SymbolKind, symbolKinds);

  function list(x) { return x === null || x === undefined ? [] : Array.isArray(x) ? x : Bridge.toArray(x); }

  function TooBig(what) { this.what = what; }

  function Dump(limits) {
    this.limits = limits;
    this.nodes = 0;
    this.tables = []; this.tableIndex = new Map();
    this.symbols = []; this.symbolIndex = new Map();
    this.bodies = []; this.bodyIndex = new Map();
  }

  Dump.prototype.columns = function (table) {
    return list(table.Columns).map(function (c) { return [c.Name, c.Type ? c.Type.Name : "unknown"]; });
  };

  Dump.prototype.table = function (symbol) {
    var at = this.tableIndex.get(symbol);
    if (at === undefined) {
      at = this.tables.length;
      this.tableIndex.set(symbol, at);
      this.tables.push({ columns: this.columns(symbol), sorted: !!symbol.IsSorted, open: !!symbol.IsOpen });
    }
    return at;
  };

  Dump.prototype.type = function (type) {
    if (!type) return undefined;
    if (Bridge.is(type, S.TableSymbol)) return this.table(type);
    if (type.Kind === S.SymbolKind.Tuple) return "tuple";
    if (type.Kind === S.SymbolKind.Function || type.Kind === S.SymbolKind.Group) return symbolKinds[type.Kind];
    if (Bridge.is(type, S.DynamicSymbol)) return "dynamic";
    return type.Name || symbolKinds[type.Kind];
  };

  Dump.prototype.symbol = function (symbol) {
    var at = this.symbolIndex.get(symbol), dump = this;
    if (at !== undefined) return at;
    at = this.symbols.length;
    this.symbolIndex.set(symbol, at);
    var out = { kind: symbolKinds[symbol.Kind], name: symbol.Name };
    this.symbols.push(out);
    if (Bridge.is(symbol, S.FunctionSymbol)) {
      out.origin = globals.IsAggregateFunction(symbol) ? "aggregate" : globals.IsBuiltInFunction(symbol) ? "builtin" : "user";
    } else if (Bridge.is(symbol, S.TableSymbol)) {
      out.database = globals.IsDatabaseTable(symbol);
      out.type = this.table(symbol);
    } else if (symbol.Kind === S.SymbolKind.Group) {
      out.members = list(symbol.Members).map(function (m) { return dump.symbol(m); });
    } else if (symbol.Type !== undefined) {
      out.type = this.type(symbol.Type);
    }
    return at;
  };

  Dump.prototype.body = function (root, depth) {
    var at = this.bodyIndex.get(root);
    if (at === undefined) {
      at = this.bodies.length;
      this.bodyIndex.set(root, at);
      this.bodies.push(null);
      this.bodies[at] = this.node(root, depth + 1);
    }
    return at;
  };

  var LITERAL = /LiteralToken$/, PUNCTUATION = /^(Open|Close)(Paren|Bracket|Brace)Token$|^(Comma|Semicolon|Bar|Dot|EndOfText)Token$/;
  var NAMED_PARENTS = /^(MvExpandExpression|MvApplyExpression|ExtendOperator|ProjectOperator|PrintOperator|SerializeOperator|SummarizeOperator|SummarizeByClause|DistinctOperator)$/;

  Dump.prototype.child = function (element, depth, parentKind) {
    if (element === null || element === undefined || element.IsMissing) return undefined;
    var kind = kinds[element.Kind], dump = this, out;
    if (element.IsToken) {
      if (PUNCTUATION.test(kind)) return undefined;
      return LITERAL.test(kind) ? [element.Text, element.ValueText] : element.Text;
    }
    if (kind === "List" || kind === "NameReferenceList") {
      out = [];
      var holder = kind === "List" ? element : element.Names || element.GetChild(0);
      for (var i = 0; i < holder.ChildCount; i++) {
        var item = holder.GetChild(i);
        if (kinds[item.Kind] === "SeparatedElement") item = item.Element$1 || item.GetChild(0);
        var made = dump.child(item, depth, parentKind);
        if (made !== undefined) out.push(made);
      }
      return out;
    }
    return this.node(element, depth, parentKind);
  };

  Dump.prototype.node = function (node, depth, parentKind) {
    if (++this.nodes > this.limits.nodes) throw new TooBig("nodes");
    if (depth > this.limits.depth) throw new TooBig("depth");
    var kind = kinds[node.Kind], start = node.TextStart, out = { k: kind, a: start, z: start + node.Width };
    if (Bridge.is(node, K.Syntax.Expression)) out.t = this.type(node.ResultType);
    if (node.ReferencedSymbol) out.s = this.symbol(node.ReferencedSymbol);
    if (parentKind !== undefined && NAMED_PARENTS.test(parentKind) && Bridge.is(node, K.Syntax.Expression)) {
      var name = K.Binding.Binder.GetExpressionResultName(node, "", null);
      if (name) out.n = name;
    }
    if (kind === "FunctionCallExpression" || kind === "NameReference") {
      var body = node.GetCalledFunctionBody();
      if (body) {
        out.b = this.body(body, depth);
        var signature = node.ReferencedSignature;
        if (signature) out.p = list(signature.Parameters).map(function (p) { return p.Name; });
      }
    }
    if (kind === "NameReference" || kind === "NameDeclaration") {
      out.v = node.SimpleName;
      if (/Wildcarded/.test(kinds[node.Name.Kind])) out.w = true;
      return out;
    }
    var count = node.ChildCount, children = null;
    for (var i = 0; i < count; i++) {
      var made = this.child(node.GetChild(i), depth + 1, kind);
      if (made === undefined) continue;
      if (children === null) children = {};
      children[node.GetName(i) || i] = made;
    }
    if (children !== null) out.c = children;
    return out;
  };

  return {
    declare: function (json) {
      var members = JSON.parse(json).tables.map(function (t) {
        return new S.TableSymbol.$ctor4(t[0], t[1].map(function (c) { return new S.ColumnSymbol(c[0], S.ScalarTypes.GetSymbol(c[1]) || S.ScalarTypes.String); }));
      });
      globals = K.GlobalState.Default.WithDatabase(new S.DatabaseSymbol.$ctor1("hunting", members, false));
      return members.length;
    },
    analyze: function (json) {
      var asked = JSON.parse(json), code = K.KustoCode.ParseAndAnalyze(asked.text, globals), result = code.ResultType, failed = false;
      var answer = {
        diagnostics: list(code.GetDiagnostics()).map(function (d) {
          failed = failed || d.Severity === "Error";
          return [d.Code, d.Severity, d.Message, d.Start, d.Length];
        }),
        columns: null, too_big: null, tree: null,
      };
      var dump = new Dump(asked.limits);
      if (result && Bridge.is(result, S.TableSymbol)) answer.columns = dump.columns(result);
      if (failed || !asked.tree) return JSON.stringify(answer);
      try {
        answer.tree = { root: dump.node(code.Syntax, 0), tables: dump.tables, symbols: dump.symbols, bodies: dump.bodies };
      } catch (e) {
        if (!(e instanceof TooBig)) throw e;
        answer.too_big = e.what;
      }
      var text = JSON.stringify(answer);
      if (text.length > asked.limits.bytes) { answer.tree = null; answer.too_big = "bytes"; text = JSON.stringify(answer); }
      return text;
    },
  };
})();
