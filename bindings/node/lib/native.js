'use strict';

// The native part of the package, for this system. The environment variable PIMS_NODE_ADDON names
// another file of it.

const fs = require('node:fs');
const path = require('node:path');

const { version } = require('../package.json');

const PT_INTERP = 3;

const SYSTEMS = ['linux-arm64-gnu', 'linux-arm64-musl', 'linux-x64-gnu', 'linux-x64-musl'];

/** Returns the name of this system: its kind, its processor, and its C library. */
function systemName() {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${name}-${isMusl(process.execPath) ? 'musl' : 'gnu'}` : name;
}

/** Returns true if a program of Linux runs with musl: the name of its loader says so. */
function isMusl(program) {
  const file = fs.openSync(program, 'r');
  try {
    const read = (offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, fs.readSync(file, bytes, 0, length, offset));
    };
    // The segments of an ELF file of 64 bits. The one of the type PT_INTERP has the loader's name.
    const head = read(0, 64);
    const size = head.readUInt16LE(54);
    const segments = read(Number(head.readBigUInt64LE(32)), size * head.readUInt16LE(56));
    for (let at = 0; at + size <= segments.length; at += size) {
      if (segments.readUInt32LE(at) !== PT_INTERP) continue;
      const name = read(Number(segments.readBigUInt64LE(at + 8)), Number(segments.readBigUInt64LE(at + 32)));
      return name.includes('/ld-musl-');
    }
    return false;
  } finally {
    fs.closeSync(file);
  }
}

/** Loads the native part: a file, or the package of a system. */
function load(file, system) {
  const name = `libpims-${system}`;
  if (file === undefined && !SYSTEMS.includes(system)) {
    throw failure(`libpims has no native library for ${system}: it has ${SYSTEMS.join(', ')}`);
  }
  const what = file === undefined ? `the native library of the package ${name}` : `the native library ${file}`;
  let native;
  try {
    native = file === undefined ? require(name) : opened(path.resolve(file));
  } catch (cause) {
    if (cause?.code === 'MODULE_NOT_FOUND') {
      throw failure(`the package ${name} is not installed: install libpims on this system, with its optional dependencies`);
    }
    const reason = String(cause?.message ?? cause).split('\n')[0];
    throw failure(`${what} cannot be loaded: ${reason}`, cause);
  }
  const its = typeof native?.version === 'function' && typeof native?.Port === 'function' ? native.version() : undefined;
  if (its === undefined) throw failure(`${what} is not one of libpims: install libpims again`);
  if (its !== version) throw failure(`${what} has version ${its}, and libpims has ${version}: install libpims again`);
  return native;
}

function opened(file) {
  const loaded = { exports: {} };
  process.dlopen(loaded, file);
  return loaded.exports;
}

function failure(message, cause) {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  error.code = 'ERR_PIMS_NATIVE';
  return error;
}

module.exports = { isMusl, load, native: () => load(process.env.PIMS_NODE_ADDON || undefined, systemName()), systemName };
