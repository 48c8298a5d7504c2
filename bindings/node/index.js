'use strict';

const bridge = require('./lib/bridge');
const { Code, NextAction, PimsError, QueueFullError } = require('./lib/errors');
const { DefaultFacade, Session } = require('./lib/facade');
const { AccountState, ApprovalState, EnrollmentStatus, Keystore } = require('./lib/operations');
const { info } = require('./lib/results');

const facade = new DefaultFacade();

const init = (config) => facade.init(config);
const get = (api, parameters) => facade.get(api, parameters);
const set = (api, parameters) => facade.set(api, parameters);
const subscribe = (api, parameters) => facade.subscribe(api, parameters);
const unsubscribe = (api, parameters) => facade.unsubscribe(api, parameters);
const free = () => facade.free();
const open = (config) => Session.open(config);
const device = facade.device;
const version = bridge.version;

// Written out: the names are found by `import { open } from 'libpims'`, too.
module.exports = {
  AccountState,
  ApprovalState,
  Code,
  EnrollmentStatus,
  Keystore,
  NextAction,
  PimsError,
  QueueFullError,
  device,
  free,
  get,
  info,
  init,
  open,
  set,
  subscribe,
  unsubscribe,
  version,
};
