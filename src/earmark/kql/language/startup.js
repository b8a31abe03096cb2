// Three changes that bring the first answer of Microsoft's language service from some 2.5 s to about 1 s, without changing an
// answer. Two parts, each run at its own moment by service.py:
//   Startup.beforeService()  after bridge.min.js, before the service's own file
//   Startup.afterService()   after the service's own file, before the first query
// The third change is made in the text of the service's file (SERVICE_TEXT_CHANGE in service.py); it calls Startup.operatorParameter.
var Startup = (function () {
  "use strict";

  // Bridge.NET keeps every closed form of a generic type in a list and searches the list from its start each time.
  // Here each type argument gets a number once, and the joined numbers are the key into a Map beside the list.
  function indexGenericTypes() {
    var numbers = new Map();
    function numberOf(argument) {
      if (!numbers.has(argument)) numbers.set(argument, numbers.size);
      return numbers.get(argument);
    }
    function keyOf(typeArguments) { return Array.prototype.map.call(typeArguments, numberOf).join(" "); }
    Bridge.Class.getCachedType = function (generic, typeArguments) {
      var list = generic.$cache, index = generic.$earmarkIndex;
      if (index === undefined || index.list !== list) {
        index = { list: list, seen: 0, byKey: new Map() };
        Object.defineProperty(generic, "$earmarkIndex", { value: index, configurable: true });
      }
      while (index.seen < list.length) {
        var entry = list[index.seen], key = keyOf(entry.args);
        if (!index.byKey.has(key)) index.byKey.set(key, entry);
        index.seen += 1;
      }
      return index.byKey.get(keyOf(typeArguments)) || null;
    };
  }

  // Building the grammar asks for the same token parsers thousands of times. They hold no state, so one of each is enough.
  function reuseTokenParsers() {
    var parsers = Kusto.Language.Parsing.SyntaxParsers;
    Object.getOwnPropertyNames(parsers).forEach(function (name) {
      if (!/^(Hidden|Required)?Token(\$\d+)?$/.test(name) || typeof parsers[name] !== "function") return;
      var original = parsers[name], built = new Map();
      parsers[name] = function () {
        var parts = [];
        for (var i = 0; i < arguments.length; i++) {
          var kind = typeof arguments[i];
          if (arguments[i] !== null && (kind === "object" || kind === "function")) return original.apply(this, arguments);
          parts.push(kind, String(arguments[i]));
        }
        var key = parts.join("\u0000");
        if (!built.has(key)) built.set(key, original.apply(this, arguments));
        return built.get(key);
      };
    });
  }

  // Items for completion are made while the grammar is built; nothing here completes, so none is made.
  function skipCompletionItems() {
    var parsers = Kusto.Language.Parsing.SyntaxParsers;
    Object.getOwnPropertyNames(parsers).forEach(function (name) {
      if (/^CreateCompletionItem/.test(name) && typeof parsers[name] === "function") parsers[name] = function () { return null; };
    });
  }

  var operatorParameters = new Map();
  return {
    beforeService: indexGenericTypes,
    afterService: function () { reuseTokenParsers(); skipCompletionItems(); },
    operatorParameter: function (build, parameter, equalsNeeded) {
      var pair = operatorParameters.get(parameter), side = equalsNeeded ? "needed" : "optional";
      if (pair === undefined) operatorParameters.set(parameter, (pair = {}));
      if (pair[side] === undefined) pair[side] = build(parameter, equalsNeeded, Kusto.Language.QueryOperatorParameters.AllParameters);
      return pair[side];
    },
  };
})();
