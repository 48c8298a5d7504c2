'use strict';

/** Warns of an object that the program dropped before its end. The package ends it then. */
function warn(what) {
  process.emitWarning(what, { type: 'ResourceWarning', code: 'PIMS_DROPPED' });
}

module.exports = { warn };
