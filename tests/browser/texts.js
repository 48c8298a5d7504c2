'use strict';

// The texts of the consoles, from their .ftl files: the sentences by which a page in one language
// shows that a text of another one stands there.

const fs = require('node:fs');
const path = require('node:path');

const FOLDER = path.join(__dirname, '../../crates/authority-server/src/console/texts');

/** Returns the messages of a language: their ids, and their texts with all variants. */
function messages(language) {
  const found = new Map();
  for (const file of fs.readdirSync(path.join(FOLDER, language)).sort()) {
    let id;
    for (const line of fs.readFileSync(path.join(FOLDER, language, file), 'utf8').split('\n')) {
      const begin = /^([a-z][a-z0-9-]*) *= ?(.*)$/.exec(line);
      if (begin) {
        id = begin[1];
        found.set(id, begin[2]);
      } else if (id && /^[ \t]/.test(line)) {
        found.set(id, `${found.get(id)}\n${line.trim()}`);
      } else {
        id = undefined;
      }
    }
  }
  return found;
}

/** Returns the parts of a text between its arguments and variants. */
function parts(text) {
  return text
    .replace(/\{ *"([^"]*)" *\}/g, '$1')
    .split(/\{[^{}]*->|\{[^{}]*\}|\*?\[[a-z]+\]|[{}\n]/)
    .map((part) => part.trim())
    .filter((part) => part.split(/\s+/).length >= 3);
}

/** Returns the sentences that may stand only on pages in this language, and those of all others. */
function foreignTo(language) {
  const others = fs.readdirSync(FOLDER).filter((other) => other !== language);
  const own = [...messages(language).values()].join('\n');
  return others.flatMap((other) => [...messages(other).values()].flatMap(parts)).filter((part) => !own.includes(part));
}

const languages = () => fs.readdirSync(FOLDER).sort();

/** Returns the text of a message without arguments. */
function text(language, id) {
  const found = messages(language).get(id);
  if (found === undefined) throw new Error(`no message ${id} in ${language}`);
  return found;
}

module.exports = { foreignTo, languages, messages, text };
