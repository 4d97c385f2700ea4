import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  type CeremonyParticipant,
  type CeremonyPlan,
  samePerson,
  type Transcript,
} from '../../../src/authority/index.ts';
import type { Token } from '../../../src/hsm/index.ts';
import { CommandError } from '../exit.ts';
import { print } from '../output.ts';
import type { Dialogue, Question } from './dialogue.ts';

/** What every step of a ceremony needs. */
export interface Session {
  readonly dialogue: Dialogue;
  readonly transcript: Transcript;
  readonly plan: CeremonyPlan;
  readonly planSha256: string;
}

type About = 'present' | 'plan' | 'pin' | 'clock' | 'made';

/** Digits of a hash that a person types. */
const typedDigits = 8;

/**
 * Asks a person until the answer is right, a few times at most; each answer stands in the transcript.
 *
 * @throws CommandError
 */
async function requireAnswer(
  { dialogue, transcript }: Session,
  person: CeremonyParticipant,
  about: About,
  object: string,
  question: Omit<Question, 'id'>,
  isRight: (answer: string) => boolean,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await dialogue.ask({ ...question, id: `${about}/${person.name}` });
    const accepted = isRight(answer);
    const { name: actor, part } = person;
    transcript.append({
      kind: 'asked',
      ...{ actor, part, about, object, prompt: question.prompt, answer, accepted },
    });
    if (accepted) return;
    if (attempt >= dialogue.attempts) {
      throw new CommandError(`${person.name} answered ${about} with ${JSON.stringify(answer)}`);
    }
    print('that is not it; read again');
  }
}

/** Everybody types their name, then the beginning of the plan's hash. */
export async function rollCall(session: Session): Promise<void> {
  const { plan, planSha256 } = session;
  for (const person of plan.participants) {
    const { name, part } = person;
    await requireAnswer(
      ...([session, person, 'present', ''] as const),
      {
        prompt: `${name}, you are here as ${part}. Type your full name:`,
        shown: name,
      },
      (answer) => samePerson(answer, name),
    );
  }
  const shown = planSha256.slice(0, typedDigits);
  for (const person of plan.participants) {
    await requireAnswer(
      ...([session, person, 'plan', planSha256] as const),
      {
        prompt: `${person.name}, if you approve the plan above, type the first ${typedDigits} digits of its SHA-256:`,
        shown,
      },
      (answer) => sameDigits(answer, shown),
    );
  }
}

/** Each witness compares what was made with the screen. */
export async function confirm(
  session: Session,
  thing: { readonly what: string; readonly name: string; readonly sha256: string },
): Promise<void> {
  const shown = thing.sha256.slice(0, typedDigits);
  for (const person of session.plan.participants.filter(({ part }) => part === 'witness')) {
    await requireAnswer(
      ...([session, person, 'made', thing.sha256] as const),
      {
        prompt: `${person.name}, type the first ${typedDigits} digits of the SHA-256 of ${thing.what} ${thing.name}:`,
        shown,
      },
      (answer) => sameDigits(answer, shown),
    );
  }
}

/** The database's clock, and a witness's watch. */
export async function checkClock(session: Session, authority: Authority, now: Date): Promise<void> {
  const database = await authority.databaseTime();
  session.transcript.append({
    kind: 'clock',
    system: now.toISOString(),
    database: database.toISOString(),
  });
  const [witness] = session.plan.participants.filter(({ part }) => part === 'witness');
  if (witness === undefined) throw new CommandError('there is no witness');
  await requireAnswer(
    ...([session, witness, 'clock', ''] as const),
    {
      prompt: `${witness.name}, it is ${now.toISOString()} here. Is that right? (yes/no)`,
    },
    (answer) => answer.trim().toLowerCase() === 'yes',
  );
}

/** Where a PIN is, and what takes it away afterwards. */
export interface BroughtPin {
  readonly pinFile: string | undefined;
  forget(): void;
}

const nothingToForget = (): void => undefined;

/** The custodian names the file that holds the PIN, or types it; it stands in no argument and no transcript. */
export async function askPin(session: Session, role: 'root' | 'issuing'): Promise<BroughtPin> {
  const { dialogue, transcript, plan } = session;
  const custodian = plan.participants.find(({ holds }) => holds.includes(role));
  if (custodian === undefined) throw new CommandError(`no custodian holds the ${role} token`);
  const prompt = `${custodian.name}, the file with the PIN of the ${role} token ("configured": the one of the configuration; empty: you type the PIN):`;
  const answer = (await dialogue.ask({ id: `pin/${role}`, prompt })).trim();
  const told = answer === '' ? 'typed' : answer === 'configured' ? 'configured' : `file ${answer}`;
  transcript.append({
    kind: 'asked',
    ...{ actor: custodian.name, part: 'custodian', about: 'pin', object: role },
    ...{ prompt, answer: told, accepted: true },
  });
  if (answer === 'configured') return { pinFile: undefined, forget: nothingToForget };
  if (answer !== '') {
    if (!existsSync(answer)) throw new CommandError(`there is no PIN file ${answer}`);
    return { pinFile: answer, forget: nothingToForget };
  }
  const pin = await dialogue.askSecret({ id: `pin/${role}/typed`, prompt: 'PIN (not shown):' });
  // In memory where the system has such a folder; the signer process reads PINs from files.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(parent, 'chancery-pin-'));
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  return { pinFile, forget: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * What is in the slot is what was declared, and has no key of a name that is to be made.
 *
 * @throws CommandError naming what differs
 */
export async function checkToken(
  { transcript, plan }: Session,
  authority: Authority,
  token: Token,
  role: 'root' | 'issuing',
): Promise<void> {
  const identity = await token.identity();
  const [objects, known] = await Promise.all([token.objects(), authority.knownKeys(role)]);
  const privateKeys = objects.filter((one) => one.class === 'privateKey');
  const keys = privateKeys.flatMap(({ keyId }) => (keyId === undefined ? [] : [keyId]));
  transcript.append({
    kind: 'token',
    role,
    identity,
    keys,
    known: keys.filter((keyId) => known.includes(keyId)),
  });
  const expected = plan.tokens.find((one) => one.role === role)?.expected ?? {};
  const differences = Object.entries(expected).filter(
    ([member, value]) => value !== undefined && Reflect.get(identity, member) !== value,
  );
  if (differences.length > 0) {
    const text = differences.map(
      ([member, value]) =>
        `${member} is ${String(Reflect.get(identity, member))}, not ${String(value)}`,
    );
    throw new CommandError(`this is another ${role} token: ${text.join('; ')}`);
  }
  for (const thing of plan.makes) {
    if (thing.make !== 'keyPair' || thing.token !== role) continue;
    const taken = privateKeys.find(
      ({ label, keyId }) => label === thing.name && (keyId === undefined || !known.includes(keyId)),
    );
    if (taken !== undefined) {
      throw new CommandError(
        `the ${role} token already has a key labelled ${thing.name} (CKA_ID ${taken.keyId ?? 'none'}) that the inventory does not know`,
      );
    }
  }
}

function sameDigits(answer: string, shown: string): boolean {
  return answer.replace(/\s+/g, '').toLowerCase() === shown;
}
