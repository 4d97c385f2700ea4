import type { CeremonyDeclaration } from './declaration.ts';
import type { CeremonyParticipant } from './plan.ts';

/** A name as it is compared: however it is cased, spaced or composed, it is the same person's. */
function comparable(name: string): string {
  return name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}

/** Whether two names are one person's. */
export function samePerson(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

/** Everybody whom a ceremony declares: custodians first. */
export function participantsOf({
  participants: { custodians, witnesses },
}: Pick<CeremonyDeclaration, 'participants'>): readonly CeremonyParticipant[] {
  return [
    ...custodians.map(({ name, holds }) => ({ name, part: 'custodian' as const, holds })),
    ...witnesses.map(({ name }) => ({ name, part: 'witness' as const, holds: [] })),
  ];
}
