// Kusto's own parser as a service: a JSON text a line in, a JSON list of what is wrong with its syntax a line out.
// Each fault is {message, line, column, text}; line and column count from 1.  For {"shape": text} the list is of the
// kinds of the syntax tree's nodes and tokens instead, in order: what a query is made of, whatever its names and values.
'use strict';
const path = require('path');
const readline = require('readline');

const home = path.dirname(require.resolve('@kusto/language-service-next/package.json'));
require(path.join(home, 'bridge.min.js'));
require(path.join(home, 'Kusto.Language.Bridge.min.js'));

function faults(text) {
  const code = Kusto.Language.KustoCode.Parse(text);
  const found = code.GetSyntaxDiagnostics();
  const made = [];
  for (let n = 0; n < found.Count; n++) {
    const one = found.getItem(n);
    const before = text.slice(0, one.Start).split('\n');
    made.push({
      message: one.Message,
      line: before.length,
      column: before[before.length - 1].length + 1,
      text: text.slice(one.Start, one.Start + one.Length),
    });
  }
  return made;
}

function shape(text) {
  const kinds = [];
  const walk = (element) => {
    kinds.push(String(element.Kind) + ':' + element.ChildCount);
    for (let n = 0; n < element.ChildCount; n++) {
      const child = element.GetChild(n);
      if (child) walk(child);
    }
  };
  walk(Kusto.Language.KustoCode.Parse(text).Syntax);
  return kinds;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line);
  process.stdout.write(JSON.stringify(typeof asked === 'string' ? faults(asked) : shape(asked.shape)) + '\n');
});
