import type { Module, Session, Slot, Token } from 'graphene-pk11';
import type { TokenIdentity } from '../keys/ports.ts';
import type { Cryptoki, Handle } from './cryptoki.ts';
import { initialise, returnValueOf } from './cryptoki.ts';
import { OperatorFault } from './faults.ts';
import type { TokenSettings } from './messages.ts';
import { forgetRefusedPin, readPinFile, refusedBefore, rememberRefusedPin } from './pin-file.ts';
import { classifyReturnValue } from './return-values.ts';

/** CK_FLAGS of tokens, slots and sessions. */
const flags = {
  tokenInitialised: 0x400,
  hardwareSlot: 0x04,
  serialSession: 0x04,
  readWriteSession: 0x02,
} as const;
const userTypes = { securityOfficer: 0, user: 1 } as const;
const CKR_SESSION_COUNT = 0xb1;
const CKR_USER_ALREADY_LOGGED_IN = 0x100;

/** Longest signature: RSA 4096 has 512 octets; room for what may come. */
const signatureCapacity = 1024;

/** A session that runs one operation at a time, with an output buffer that outlives the call. */
export interface PooledSession {
  readonly handle: Handle;
  readonly output: Buffer;
}

/** A token found in its slot, logged in to, with its pool of sessions. */
export interface TokenConnection {
  readonly lib: Cryptoki;
  readonly slot: Slot;
  readonly identity: TokenIdentity;
  /** The token said that somebody was logged in already: to be believed only once a test signature works. */
  readonly loginUnproven: boolean;
  /** Sessions that are free to sign. */
  readonly pool: PooledSession[];
  /** A session for searches and random octets, which must not meet a signature on its way. */
  readonly control: Handle;
}

/** All tokens of a module that are initialised, with their slots. */
export function listTokens(module: Module): { readonly slot: Slot; readonly token: Token }[] {
  const found: { slot: Slot; token: Token }[] = [];
  const slots = module.getSlots(true);
  for (let i = 0; i < slots.length; i++) {
    const slot = slots.items(i);
    found.push({ slot, token: slot.getToken() });
  }
  return found;
}

/** Whether C_InitToken was done. */
export function isInitialised(token: Token): boolean {
  return (token.flags & flags.tokenInitialised) !== 0;
}

/**
 * What a token says of itself. `hardware` is the slot's CKF_HW_SLOT: a module that lies can't be
 * caught here, and SoftHSM, which leaves it out, is always shown as software.
 */
export function identityOf(slot: Slot, token: Token): TokenIdentity {
  const { major, minor } = token.firmwareVersion;
  return {
    label: token.label,
    serialNumber: token.serialNumber,
    manufacturer: token.manufacturerID,
    model: token.model,
    firmwareVersion: `${major}.${minor}`,
    hardware: (slot.flags & flags.hardwareSlot) !== 0,
  };
}

/**
 * Finds the slot by token label and, where it is set, serial number. Slot numbers are never used:
 * they change when a token is added, removed or, with SoftHSM, on every initialisation.
 *
 * @throws OperatorFault when none or several match.
 */
export function findToken(
  module: Module,
  label: string,
  serialNumber: string | undefined,
): { readonly slot: Slot; readonly token: Token } {
  const all = listTokens(module).filter(({ token }) => isInitialised(token));
  const matching = all.filter(
    ({ token }) =>
      token.label === label && (serialNumber === undefined || token.serialNumber === serialNumber),
  );
  const [only, another] = matching;
  const name = `"${label}"${serialNumber === undefined ? '' : ` with serial number ${serialNumber}`}`;
  if (only === undefined) {
    const present = all.map(({ token }) => `"${token.label}" (${token.serialNumber})`).join(', ');
    throw new OperatorFault(
      `the module has no token ${name}; it has ${present === '' ? 'none' : present}: check the label, the serial number and the module's configuration`,
    );
  }
  if (another !== undefined) {
    throw new OperatorFault(`several tokens are called ${name}; set the serial number as well`);
  }
  return only;
}

/** Opens a session of which the caller takes care. */
export function openSession(slot: Slot, kind: 'readOnly' | 'readWrite'): Session {
  return slot.open(flags.serialSession | (kind === 'readWrite' ? flags.readWriteSession : 0));
}

/** A session for the pool. */
export function openPooledSession(slot: Slot): PooledSession {
  return {
    handle: openSession(slot, 'readOnly').handle,
    output: Buffer.allocUnsafeSlow(signatureCapacity),
  };
}

/** Logs in; a PIN that this token refused before is not sent again. Answers whether somebody was logged in already. */
function logIn(session: Session, settings: TokenSettings, tokenSerial: string): boolean {
  const pin = readPinFile(settings.pinFile);
  const before = refusedBefore(settings.pinFile, pin, tokenSerial);
  const mend = `write the right PIN into ${settings.pinFile}, or remove ${settings.pinFile}.refused to have it tried once more`;
  if (before !== undefined) {
    throw new OperatorFault(
      `the token "${settings.label}" refused this PIN before (${before}) and it is not tried again, because tokens lock after a few; ${mend}`,
    );
  }
  try {
    session.login(pin, userTypes.user);
  } catch (error) {
    const code = returnValueOf(error);
    if (code === CKR_USER_ALREADY_LOGGED_IN) return true;
    if (code !== undefined && classifyReturnValue(code).faultClass === 'pinRefused') {
      const { name } = classifyReturnValue(code);
      rememberRefusedPin(settings.pinFile, pin, tokenSerial, name);
      throw new OperatorFault(
        `the token "${settings.label}" refused the PIN (${name}); it is not tried again: ${mend}`,
      );
    }
    throw error;
  }
  forgetRefusedPin(settings.pinFile);
  return false;
}

/**
 * Initialises the module, finds the token, logs in and opens the sessions. A token that gives
 * fewer sessions than wanted is used with those (CKR_SESSION_COUNT), two at least.
 */
export function connect(module: Module, settings: TokenSettings): TokenConnection {
  initialise(module.lib, settings.libraryParameters);
  const { slot, token } = findToken(module, settings.label, settings.serialNumber);
  const identity = identityOf(slot, token);
  const session = openSession(slot, 'readOnly');
  const loginUnproven = logIn(session, settings, identity.serialNumber);
  const pool: PooledSession[] = [openPooledSession(slot)];
  try {
    while (pool.length < settings.sessions) pool.push(openPooledSession(slot));
  } catch (error) {
    if (returnValueOf(error) !== CKR_SESSION_COUNT) throw error;
  }
  return { lib: module.lib, slot, identity, loginUnproven, pool, control: session.handle };
}

/** C_Finalize: every session, login and handle of this process is gone after it. */
export function disconnect(module: Module): void {
  try {
    module.lib.C_Finalize();
  } catch {
    // A module that lost its device answers with an error here and is finalised all the same.
  }
}
