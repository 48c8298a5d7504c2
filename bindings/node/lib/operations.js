'use strict';

// Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.

const { RUN } = require('./run');

/** The state of the account, which the service reports with an accepted code. */
const EnrollmentStatus = Object.freeze({
  NOT_ENROLLED: 'NotEnrolled',
  ALREADY_ENROLLED: 'AlreadyEnrolled',
});

/** The block of the account: of its PIN or of the account itself. */
const AccountState = Object.freeze({
  NOT_BLOCKED: 'NotBlocked',
  PIN_BLOCKED: 'PinBlocked',
  ACCOUNT_BLOCKED: 'AccountBlocked',
  UNKNOWN: 'Unknown',
});

/** The place of a device's storage key, by its own statement. Nobody checks it. */
const Keystore = Object.freeze({
  HARDWARE: 'hardware',
  SOFTWARE: 'software',
});

/** The state of the approval of a new device. */
const ApprovalState = Object.freeze({
  NONE: 'none',
  ASKED: 'asked',
  WAITING: 'waiting',
});

/** The operations. A derived class runs their requests. */
class Operations {
  requestEnrollmentCode() {
    return this[RUN]('get', 'pims.authentication.smscode', { type: 'enrollment' }, {});
  }

  acceptEnrollmentCode(smsCode) {
    return this[RUN]('set', 'pims.authentication.smscode', { action: 'enrollment', smsCode }, { member: 'status' });
  }

  enroll(pin, smsCode = ' ') {
    return this[RUN]('set', 'pims.authentication.enrollment', { action: 'enroll', pinCode: pin, smsCode }, { done: 2316, provesPin: true });
  }

  enrollWithPhoneNumber(pin, smsCode, phoneNumber) {
    return this[RUN](
      'set',
      'pims.authentication.enrollment',
      { action: 'enrollWithPhoneNumber', pinCode: pin, smsCode, phoneNumber },
      { done: 2316, provesPin: true },
    );
  }

  importEnrollment(format, state, pin) {
    return this[RUN](
      'set',
      'pims.authentication.enrollment',
      { action: 'import', format, state, pinCode: pin },
      { member: 'warning', provesPin: true },
    );
  }

  exportEnrollment(pin) {
    return this[RUN](
      'set',
      'pims.authentication.enrollment',
      { action: 'export', plain: 'true', pinCode: pin },
      { member: 'state', provesPin: true },
    );
  }

  makeEnrollmentCode(pin) {
    return this[RUN]('get', 'pims.authentication.enrollmentcode', { action: 'make', pinCode: pin }, { member: 'code', provesPin: true });
  }

  pendingFingerprint() {
    return this[RUN]('get', 'pims.authentication.enrollmentcode', { action: 'state' }, { member: 'fingerprint' });
  }

  confirmDevice(fingerprint, pin) {
    return this[RUN]('set', 'pims.authentication.enrollmentcode', { action: 'confirm', fingerprint, pinCode: pin }, { provesPin: true });
  }

  rejectDevice(fingerprint, pin) {
    return this[RUN]('set', 'pims.authentication.enrollmentcode', { action: 'reject', fingerprint, pinCode: pin }, { provesPin: true });
  }

  approval() {
    return this[RUN]('get', 'pims.authentication.approval', {}, { isWhole: true });
  }

  approveNewDevice(deviceId, number, pin) {
    return this[RUN]('set', 'pims.authentication.approval', { action: 'approve', deviceId, number, pinCode: pin }, { provesPin: true });
  }

  rejectNewDevice(deviceId) {
    return this[RUN]('set', 'pims.authentication.approval', { action: 'reject', deviceId }, {});
  }

  notices() {
    return this[RUN]('get', 'pims.authentication.notices', {}, { member: 'notices' });
  }

  removeEnrollments() {
    return this[RUN]('set', 'pims.authentication.enrollment', { action: 'remove' }, {});
  }

  requestPhoneNumberCode(phoneNumber) {
    return this[RUN]('get', 'pims.authentication.smscode', { type: 'phoneNumberCertification', phoneNumber }, {});
  }

  addPhoneNumber(smsCode, phoneNumber) {
    return this[RUN]('set', 'pims.authentication.smscode', { action: 'addPhoneNumber', smsCode, phoneNumber }, {});
  }

  modifyPhoneNumber(smsCode, phoneNumber) {
    return this[RUN]('set', 'pims.authentication.smscode', { action: 'modifyPhoneNumber', smsCode, phoneNumber }, {});
  }

  trustedPhoneNumber() {
    return this[RUN]('get', 'pims.authentication.trustedphonenumber', {}, { member: 'phoneNumber' });
  }

  changePin(oldPin, newPin) {
    return this[RUN](
      'set',
      'pims.authentication.pincode',
      { action: 'update', oldPIN: oldPin, newPIN: newPin },
      { done: 2316, provesPin: true },
    );
  }

  requestResetCode() {
    return this[RUN]('get', 'pims.authentication.smscode', { type: 'resetPIN' }, {});
  }

  resetPin(newPin, smsCode) {
    return this[RUN]('set', 'pims.authentication.pincode', { action: 'reset', pinCode: newPin, smsCode }, { done: 2316, provesPin: true });
  }

  otp(pin) {
    return this[RUN]('get', 'pims.authentication.otp', { action: 'withPIN', pinCode: pin }, { member: 'otp', provesPin: true });
  }

  otpWithoutPin() {
    return this[RUN]('get', 'pims.authentication.otp', { action: 'withoutPIN' }, { member: 'otp' });
  }

  devices() {
    return this[RUN]('get', 'pims.authentication.devices', {}, { member: 'devices' });
  }

  renameDevice(deviceId, name, pin = ' ') {
    return this[RUN]('set', 'pims.authentication.devices', { action: 'rename', deviceId, name, pinCode: pin }, { provesPin: true });
  }

  removeDevice(deviceId, pin = ' ') {
    return this[RUN]('set', 'pims.authentication.devices', { action: 'remove', deviceId, pinCode: pin }, { provesPin: true });
  }

  isActivated() {
    return this[RUN](
      'get',
      'pims.authentication.account',
      { actionType: 'strong', type: 'isDeviceActivated' },
      { member: 'isDeviceActivated' },
    );
  }

  accountState() {
    return this[RUN](
      'get',
      'pims.authentication.account',
      { actionType: 'strong', type: 'isAccountBlocked' },
      { member: 'isAccountBlocked' },
    );
  }

  setAccessToken(token) {
    return this[RUN]('set', 'pims.authentication.token', { type: 'cvs', token }, {});
  }

  verify(password) {
    return this[RUN]('set', 'pims.authority.otp', { action: 'verify', otp: password }, { member: 'verified' });
  }
}

module.exports = { AccountState, ApprovalState, EnrollmentStatus, Keystore, Operations };
