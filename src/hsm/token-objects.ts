import type { TokenObject } from '../keys/ports.ts';
import type { Cryptoki, Handle } from './cryptoki.ts';
import { attributeOf, cka, cko, findObjects } from './cryptoki.ts';
import { readAttributes } from './key-generation.ts';
import { subjectPublicKeyInfoOf } from './public-keys.ts';
import type { TokenConnection } from './token-connection.ts';
import { openSession } from './token-connection.ts';

const classNames: Readonly<Record<number, TokenObject['class']>> = {
  [cko.certificate]: 'certificate',
  [cko.publicKey]: 'publicKey',
  [cko.privateKey]: 'privateKey',
  [cko.secretKey]: 'secretKey',
};

/** CK_ULONG, in the machine's order of octets; every class that we know fits the first. */
function classOf(lib: Cryptoki, session: Handle, object: Handle): TokenObject['class'] {
  const value = attributeOf(lib, session, object, cka.class);
  const known = value !== undefined && value.subarray(1).every((octet) => octet === 0);
  return (known ? classNames[value[0] ?? -1] : undefined) ?? 'other';
}

function publicHalfOf(lib: Cryptoki, session: Handle, object: Handle): Uint8Array | undefined {
  try {
    return subjectPublicKeyInfoOf(lib, session, object);
  } catch {
    // A public key that is none is shown without it: to be seen is what the list is for.
    return undefined;
  }
}

/** What an object says of itself. Values of keys are never asked for. */
function describe(lib: Cryptoki, session: Handle, object: Handle): TokenObject {
  const objectClass = classOf(lib, session, object);
  const id = attributeOf(lib, session, object, cka.id);
  const isKey = objectClass === 'publicKey' || objectClass === 'privateKey';
  return {
    class: objectClass,
    keyId: id === undefined || id.length === 0 ? undefined : id.toString('hex'),
    label: attributeOf(lib, session, object, cka.label)?.toString('utf8') ?? '',
    subjectPublicKeyInfo: isKey ? publicHalfOf(lib, session, object) : undefined,
    attributes: objectClass === 'privateKey' ? readAttributes(lib, session, object) : undefined,
  };
}

/** Every object that the token shows to its user. */
export function tokenObjects({ lib, control }: TokenConnection): TokenObject[] {
  return findObjects(lib, control, []).map((object) => describe(lib, control, object));
}

/**
 * Destroys every object by that CKA_ID, of whatever class, and searches the token again in another
 * session.
 *
 * @param destroyed called for each: an act that is repeated after a lost device still knows of all
 * @throws Error when something is left: its class and count
 */
export function destroyObjects(
  { lib, slot }: TokenConnection,
  id: Buffer,
  destroyed: () => void,
): void {
  const template = [{ type: cka.id, value: id }];
  const writing = openSession(slot, 'readWrite');
  try {
    for (const object of findObjects(lib, writing.handle, template)) {
      lib.C_DestroyObject(writing.handle, object);
      destroyed();
    }
  } finally {
    writing.close();
  }
  const reading = openSession(slot, 'readOnly');
  try {
    const left = findObjects(lib, reading.handle, template);
    if (left.length > 0) {
      const classes = left.map((object) => classOf(lib, reading.handle, object)).join(', ');
      throw new Error(
        `${left.length} objects by CKA_ID ${id.toString('hex')} are still in the token after their destruction (${classes})`,
      );
    }
  } finally {
    reading.close();
  }
}
