import type { Module } from 'graphene-pk11';
import type { TokenIdentity } from '../keys/ports.ts';
import { initialise, loadModule } from './cryptoki.ts';
import { OperatorFault } from './faults.ts';
import type { InitialiseSettings } from './messages.ts';
import { readPinFile } from './pin-file.ts';
import {
  disconnect,
  findToken,
  identityOf,
  isInitialised,
  listTokens,
  openSession,
} from './token-connection.ts';

const CKF_USER_PIN_INITIALIZED = 0x08;
const securityOfficer = 0;
/** CK_TOKEN_INFO.label: the binding passes the string as it is, so it must be blank-padded here. */
const labelLength = 32;

/**
 * Makes a token by that label in a free slot (C_InitToken, C_InitPIN). A token that is there by
 * that label already is never initialised again: that would destroy its keys. One whose user PIN
 * was never set, because the first run was cut off between the two calls, gets it now.
 */
export function initialiseTokenHere(settings: InitialiseSettings): TokenIdentity {
  const { label } = settings;
  if (Buffer.byteLength(label) > labelLength || label.trim() !== label || label === '') {
    throw new OperatorFault(
      `token label "${label}" must have 1 to ${labelLength} octets and no blanks around it`,
    );
  }
  const pin = readPinFile(settings.pinFile);
  const soPin = readPinFile(settings.soPinFile);
  const module = loadModule(settings.module);
  initialise(module.lib, undefined);
  const known = listTokens(module).some(
    ({ token }) => isInitialised(token) && token.label === label,
  );
  if (!known) {
    const free = listTokens(module).find(({ token }) => !isInitialised(token));
    if (free === undefined) {
      throw new OperatorFault(
        `the module has no free slot for the token "${label}"; add a slot, or remove a token that is not needed`,
      );
    }
    module.lib.C_InitToken(free.slot.handle, soPin, label.padEnd(labelLength, ' '));
    // SoftHSM gives a new token its slot number at the next initialisation.
    disconnect(module);
    initialise(module.lib, undefined);
  }
  const identity = setUserPin(module, label, pin, soPin);
  disconnect(module);
  return identity;
}

function setUserPin(module: Module, label: string, pin: string, soPin: string): TokenIdentity {
  const { slot, token } = findToken(module, label, undefined);
  if ((token.flags & CKF_USER_PIN_INITIALIZED) === 0) {
    const session = openSession(slot, 'readWrite');
    session.login(soPin, securityOfficer);
    session.initPin(pin);
    session.logout();
    session.close();
  }
  return identityOf(slot, token);
}
