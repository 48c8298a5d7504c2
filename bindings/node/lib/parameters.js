'use strict';

// The parameters as JSON.
//
// They hold secrets, so no error of this module repeats a value: it names the place. Bytes among
// the values never become a string. The whole text is written into memory that is wiped after the
// call; strings of JavaScript cannot be wiped.

const { isUtf8 } = require('node:buffer');
const { types } = require('node:util');

// Deeper than the library reads (127). So the library refuses parameters that are too deep, unless
// an object contains itself.
const MAX_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;

// The memory for short texts. It is used from one function that does not wait.
const scratch = Buffer.alloc(4096);

/** The parameters in the form that the library takes. */
class Encoded {
  // Strings, and bytes in between.
  #parts;

  constructor(parts) {
    this.#parts = parts;
  }

  /** Passes the bytes to a function, which must not keep them, and wipes them. It works once. */
  use(work) {
    const parts = this.#parts;
    this.#parts = undefined;
    const most = parts.reduce((sum, part) => sum + (typeof part === 'string' ? 3 : 6) * part.length, 0);
    const memory = most > scratch.length ? Buffer.alloc(most) : scratch;
    let length = 0;
    try {
      for (const part of parts) {
        length += typeof part === 'string' ? memory.write(part, length) : writeBytes(part, memory, length);
      }
      return work(memory.subarray(0, length));
    } finally {
      memory.fill(0, 0, length);
    }
  }
}

/**
 * Encodes parameters. Calls the functions among the values, one after the other. If one of them
 * returns a promise, this function does, too.
 */
function encode(parameters) {
  if (parameters === undefined || parameters === null) return new Encoded([]);
  if (kindOf(parameters) !== 'object') throw new TypeError(`parameters are an object, not ${nameOf(parameters)}`);
  const writer = new Writer();
  writer.write(parameters, []);
  return writer.hasPromises ? writer.resolved() : writer.encoded();
}

/** The writer of a text. */
class Writer {
  hasPromises = false;
  // Strings, bytes, and functions whose promises are awaited.
  #parts = [];
  #text = '';

  write(value, path) {
    if (path.length > MAX_DEPTH) throw new TypeError('the parameters are nested too deeply');
    switch (kindOf(value)) {
      case 'string':
        this.#text += JSON.stringify(value);
        return;
      case 'null':
      case 'boolean':
      case 'bigint':
        this.#text += String(value);
        return;
      case 'number':
        if (!Number.isFinite(value)) throw new TypeError(`${textOf(path)}: NaN and infinity have no form in JSON`);
        this.#text += JSON.stringify(value);
        return;
      case 'bytes':
        if (!isUtf8(value)) throw new TypeError(`${textOf(path)}: the bytes are not UTF-8`);
        this.#text += '"';
        this.#part(value);
        this.#text += '"';
        return;
      case 'list':
        this.#list(value, path);
        return;
      case 'object':
        this.#object(value, path);
        return;
      case 'function':
        this.#call(value, path);
        return;
      default:
        throw new TypeError(`${textOf(path)}: ${nameOf(value)} has no form in JSON`);
    }
  }

  /** Returns the text, if nothing is to be awaited. */
  encoded() {
    this.#part('');
    return new Encoded(this.#parts);
  }

  /** Calls the functions that are left, awaits each promise, and returns the text. */
  async resolved() {
    this.#part('');
    const parts = [];
    for (const part of this.#parts) {
      if (!(part instanceof Awaited)) {
        parts.push(part);
        continue;
      }
      const writer = new Writer();
      writer.#value(await part.work(), part.path);
      writer.#part('');
      parts.push(...writer.#parts);
    }
    return new Encoded(parts);
  }

  // One function after the other: each may ask the user a question. So after the first promise, the
  // next functions wait.
  #call(work, path) {
    if (this.hasPromises) {
      this.#part(new Awaited(work, path));
      return;
    }
    const made = work();
    if (typeof made?.then === 'function') {
      this.hasPromises = true;
      // It may be refused, or a value behind it, before it is awaited. It may be of another realm.
      const awaited = Promise.resolve(made);
      awaited.catch(() => {});
      this.#part(new Awaited(() => awaited, path));
    } else {
      this.#value(made, path);
    }
  }

  #value(value, path) {
    if (typeof value === 'function') throw new TypeError(`${textOf(path)}: a function returns a value, not another function`);
    this.write(value, path);
  }

  #list(values, path) {
    this.#text += '[';
    for (let index = 0; index < values.length; index += 1) {
      if (index > 0) this.#text += ',';
      this.write(values[index], [...path, index]);
    }
    this.#text += ']';
  }

  #object(members, path) {
    this.#text += '{';
    let isFirst = true;
    for (const [name, value] of Object.entries(members)) {
      // As JSON.stringify does.
      if (value === undefined) continue;
      this.#text += `${isFirst ? '' : ','}${JSON.stringify(name)}:`;
      isFirst = false;
      this.write(value, [...path, name]);
    }
    this.#text += '}';
  }

  /** Ends the current string, and adds a part. */
  #part(part) {
    if (this.#text !== '') this.#parts.push(this.#text);
    this.#text = '';
    if (part !== '') this.#parts.push(part);
  }
}

/** A function among the values whose promise is awaited, and its place. */
class Awaited {
  constructor(work, path) {
    this.work = work;
    this.path = path;
  }
}

function kindOf(value) {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'list';
  // Also of another realm, such as a context of `node:vm`.
  if (types.isUint8Array(value)) return 'bytes';
  // Not a Date, a Map or a Promise.
  return Object.prototype.toString.call(value) === '[object Object]' ? 'object' : 'other';
}

function nameOf(value) {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? `a value of type ${value.constructor?.name ?? 'Object'}` : `a ${typeof value}`;
}

/** Writes a path, such as `storage.key` or `type[0]`. */
function textOf(path) {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text === '' ? 'parameters' : text;
}

/** Writes bytes as the content of a JSON string. Returns the length. */
function writeBytes(bytes, memory, start) {
  let at = start;
  for (const byte of bytes) {
    if (byte === QUOTE || byte === BACKSLASH) {
      memory[at++] = BACKSLASH;
      memory[at++] = byte;
    } else if (byte < FIRST_PRINTABLE) {
      at += memory.write(`\\u${byte.toString(16).padStart(4, '0')}`, at);
    } else {
      memory[at++] = byte;
    }
  }
  return at - start;
}

module.exports = { encode };
