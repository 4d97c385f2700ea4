import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type CeremonyFile,
  type CeremonyMaterial,
  type MadeThing,
  type PlannedCeremony,
  parseCeremony,
  Transcript,
} from '../../../src/authority/index.ts';
import { type Composition, compose, systemClock } from '../../../src/composition.ts';
import { type Configuration, loadConfiguration } from '../../../src/config/index.ts';
import { defaultTenant, type Principal, permissions } from '../../../src/domain/index.ts';
import { encodePem } from '../../../src/pkix/index.ts';
import { createLogger } from '../../../src/telemetry/index.ts';
import { CommandError } from '../exit.ts';
import { print, requireWritableFolder, writeFileWhole } from '../output.ts';
import { openDialogue } from './dialogue.ts';
import { besideCeremony, materialOf } from './material.ts';
import { fileTime, hashOf, outputsOf, reasonOf } from './outputs.ts';
import { grouped, planText } from './plan-text.ts';
import {
  askPin,
  type BroughtPin,
  checkClock,
  checkToken,
  confirm,
  rollCall,
  type Session,
} from './steps.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who acts in the audit log while a ceremony is held; the transcript names the people. */
const ceremonyPrincipal: Principal = {
  id: 'ceremony',
  name: 'ceremony',
  role: 'system',
  tenant: defaultTenant,
  permissions: new Set(permissions),
};

export interface RunOptions {
  readonly transcript?: string | undefined;
  readonly answers?: string | undefined;
  /** The hash of the plan that was approved beforehand, or its beginning. */
  readonly plan?: string | undefined;
}

/** Lints a ceremony and shows what it would make; no token is opened, nothing is changed. */
export async function planHere(environment: Environment, file: string): Promise<PlannedCeremony> {
  const ceremony = parseCeremony(readFileSync(file), file);
  return withComposition(loadConfiguration(environment), 'none', async ({ authority }) =>
    authority.planCeremony(ceremony, materialOf(file)),
  );
}

/**
 * Holds a ceremony. Whatever happens after its beginning, a transcript is left: signed, also of an abort,
 * unless the token that signs it can't be opened.
 *
 * @throws CommandError when it is refused or aborted
 */
export async function runHere(
  environment: Environment,
  file: string,
  options: RunOptions,
): Promise<void> {
  const configuration = loadConfiguration(environment);
  const ceremony = parseCeremony(readFileSync(file), file);
  const material = materialOf(file);
  const planned = await withComposition(configuration, 'none', async ({ authority }) =>
    authority.planCeremony(ceremony, material),
  );
  for (const line of planText(planned)) print(line);
  if (planned.findings.length > 0) throw new CommandError('the ceremony is refused: see above');
  refuseOtherPlan(planned, options.plan);
  for (const out of outputsOf(ceremony)) requireWritableFolder(besideCeremony(file, out.path));
  const dialogue = openDialogue(options.answers);
  const transcriptFile =
    options.transcript ?? `${ceremony.declaration.name}-${fileTime(systemClock.now())}.transcript`;
  const descriptor = openSync(transcriptFile, 'wx', 0o644);
  try {
    const transcript = new Transcript(systemClock, (line) => {
      writeSync(descriptor, line);
      fsyncSync(descriptor);
    });
    const session: Session = { dialogue, transcript, ...planned };
    await hold({ configuration, ceremony, material, file, transcriptFile, session });
  } finally {
    dialogue.close();
    closeSync(descriptor);
  }
}

interface Holding {
  readonly configuration: Configuration;
  readonly ceremony: CeremonyFile;
  readonly material: CeremonyMaterial;
  readonly file: string;
  readonly transcriptFile: string;
  readonly session: Session;
}

async function hold(holding: Holding): Promise<void> {
  const { configuration, ceremony, session } = holding;
  const { transcript, dialogue, plan, planSha256 } = session;
  const { name, kind, purpose, sha256 } = plan.ceremony;
  const made: MadeThing[] = [];
  const pins: BroughtPin[] = [];
  transcript.append({
    kind: 'begin',
    format: 'chancery-ceremony-transcript/1',
    ceremony: {
      ...{ name, kind, purpose, sha256 },
      file: Buffer.from(ceremony.octets).toString('base64'),
    },
    planSha256,
    plan: { ...plan },
    software: plan.software,
    answers: dialogue.source,
    participants: plan.participants.map((one) => ({ ...one, holds: [...one.holds] })),
  });
  let failure: unknown;
  let composition: Composition | undefined;
  try {
    await rollCall(session);
    let withPins = configuration;
    for (const { role } of plan.tokens) {
      const pin = await askPin(session, role);
      pins.push(pin);
      if (pin.pinFile !== undefined) withPins = withPinFile(withPins, role, pin.pinFile);
    }
    composition = await openAll(withPins);
    await carryOut(holding, composition, made);
  } catch (error) {
    failure = error;
    print(`the ceremony is aborted: ${reasonOf(error)}`);
  }
  try {
    composition ??= await openAll(configuration);
    await conclude(holding, composition, made, failure);
  } finally {
    await composition?.close();
    for (const pin of pins) pin.forget();
  }
  if (failure !== undefined)
    throw new CommandError(`the ceremony was aborted: ${reasonOf(failure)}`);
}

async function carryOut(
  { ceremony, material, file, session }: Holding,
  { authority, tokens }: Composition,
  made: MadeThing[],
): Promise<void> {
  const { plan, planSha256, transcript } = session;
  for (const { role } of plan.tokens) await checkToken(session, authority, tokens[role], role);
  await checkClock(session, authority, systemClock.now());
  // Between the approval and now somebody could have changed the file, a profile, an issuer.
  const now = parseCeremony(readFileSync(file), file);
  const again = await authority.planCeremony(now, material);
  if (now.sha256 !== ceremony.sha256 || again.planSha256 !== planSha256) {
    throw new CommandError(
      'the plan is not the one that was approved any more: something changed since',
    );
  }
  const [finding] = again.findings;
  if (finding !== undefined) throw new CommandError(finding.message);
  await authority.carryOutCeremony(ceremonyPrincipal, ceremony, plan, material, (thing) => {
    made.push(thing);
    transcript.append({ kind: 'made', ...thing });
    print(`made: ${thing.what} ${thing.name}`);
    print(`      SHA-256 ${grouped(thing.sha256)}`);
  });
  for (const thing of made) await confirm(session, thing);
  for (const { path, content } of outputsOf(ceremony, made)) {
    if (content === undefined) continue;
    writeFileWhole(besideCeremony(file, path), content);
    print(`written: ${path}`);
  }
}

/** The end of the transcript, the key that signs it, its signature; then the record in the database. */
async function conclude(
  { ceremony, session, transcriptFile }: Holding,
  { authority }: Composition,
  made: readonly MadeThing[],
  failure: unknown,
): Promise<void> {
  const { transcript, plan, planSha256, dialogue } = session;
  const outcome = failure === undefined ? 'completed' : 'aborted';
  const reason = failure === undefined ? undefined : reasonOf(failure);
  const hashes = made.map(({ sha256 }) => sha256);
  if (reason !== undefined) transcript.append({ kind: 'refused', reason });
  transcript.append({ kind: 'end', outcome, reason, made: hashes });
  const signing = await authority.transcriptKey(
    ceremonyPrincipal,
    ceremony.declaration.transcript.token,
  );
  const { key } = signing;
  const spkiSha256 = hashOf(key.subjectPublicKeyInfo);
  transcript.append({
    kind: 'transcriptKey',
    keyId: key.keyId,
    algorithm: key.algorithm,
    subjectPublicKeyInfo: Buffer.from(key.subjectPublicKeyInfo).toString('base64'),
    spkiSha256,
    token: key.token,
    attributes: { ...key.attributes },
    made: signing.made,
  });
  const signature = await authority.signTranscript(signing, transcript.octets());
  const whole = transcript.sign(key.algorithm, signature);
  writeFileWhole(`${transcriptFile}.pub`, encodePem('PUBLIC KEY', key.subjectPublicKeyInfo));
  print(`transcript: ${transcriptFile}`);
  print(`            SHA-256 ${grouped(hashOf(whole))}`);
  print(`signed by:  key SHA-256 ${grouped(spkiSha256)} (${basename(transcriptFile)}.pub)`);
  await authority.recordCeremony(ceremonyPrincipal, {
    ...{ name: plan.ceremony.name, kind: plan.ceremony.kind, outcome, reason, planSha256 },
    transcriptSha256: hashOf(whole),
    signedBy: spkiSha256,
    answersFrom: dialogue.source.from,
    made: hashes,
    participants: plan.participants.map(({ name, part }) => `${part} ${name}`),
  });
}

function refuseOtherPlan({ planSha256 }: PlannedCeremony, approved: string | undefined): void {
  const wanted = approved?.replace(/\s+/g, '').toLowerCase();
  if (wanted === undefined) return;
  if (wanted.length < 8 || !planSha256.startsWith(wanted)) {
    throw new CommandError(
      `the plan is not the one that was approved: its SHA-256 is ${planSha256}, approved was ${approved ?? ''}; read it again`,
    );
  }
}

async function openAll(configuration: Configuration): Promise<Composition> {
  const composition = await compose(
    configuration,
    createLogger({ level: 'error', process: 'ceremony' }),
    { tokens: 'all' },
  );
  try {
    await composition.authority.start();
    await composition.bindKeys();
    return composition;
  } catch (error) {
    await composition.close();
    throw error;
  }
}

/** Runs an act over the database; closed whatever happens. */
export async function withComposition<T>(
  configuration: Configuration,
  tokens: 'all' | 'none',
  act: (composition: Composition) => Promise<T>,
): Promise<T> {
  const logger = createLogger({ level: 'error', process: 'ceremony' });
  const composition = await compose(configuration, logger, { tokens });
  try {
    return await act(composition);
  } finally {
    await composition.close();
  }
}

function withPinFile(
  configuration: Configuration,
  role: 'root' | 'issuing',
  pinFile: string,
): Configuration {
  const token = { ...configuration.tokens[role], pinFile };
  return { ...configuration, tokens: { ...configuration.tokens, [role]: token } };
}
