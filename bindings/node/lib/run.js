'use strict';

/** The name of the method that makes a call. It is not for programs that use the package. */
exports.RUN = Symbol('run');
