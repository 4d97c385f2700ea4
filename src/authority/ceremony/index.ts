/** Ceremonies: a YAML file, its plan, the transcript of what was done, and how it is verified. */

export type { CeremonyDeclaration, CeremonyKind } from './declaration.ts';
export { ceremonyKinds } from './declaration.ts';
export type { MadeThing } from './making.ts';
export { type CeremonyFile, parseCeremony } from './parse.ts';
export { samePerson } from './people.ts';
export type {
  CeremonyParticipant,
  CeremonyPlan,
  CeremonySoftware,
  PlannedCeremony,
  PlannedThing,
} from './plan.ts';
export type { CeremonyMaterial } from './planning.ts';
export { Transcript } from './transcript.ts';
export { ceremonyUseCases, type HeldCeremony } from './use-cases.ts';
export { type TranscriptTrust, type TranscriptVerdict, verifyTranscript } from './verification.ts';
