import { samePerson } from './people.ts';
import type { AskedLine, BeginLine, EndLine, TranscriptLine } from './transcript-lines.ts';

/**
 * Whether everybody who was declared took part, each in one part only (SP 800-57 Part 1 §9.1): all were
 * present and approved this plan before anything was made, and each witness confirmed each thing.
 */
export function checkPeople(
  lines: readonly TranscriptLine[],
  { participants, planSha256 }: BeginLine,
  { outcome }: EndLine,
): readonly string[] {
  const problems: string[] = [];
  const asked = lines.filter((line) => line.kind === 'asked');
  for (const { actor, part, number } of asked) {
    const declared = participants.find((one) => samePerson(one.name, actor));
    if (declared === undefined || declared.part !== part) {
      problems.push(`line ${number + 1}: ${actor} was not declared as a ${part}`);
    }
  }
  const custodians = participants.filter(({ part }) => part === 'custodian');
  const witnesses = participants.filter(({ part }) => part === 'witness');
  if (custodians.length === 0 || witnesses.length === 0) {
    problems.push('it has no custodian or no witness');
  }
  if (custodians.some((one) => witnesses.some((other) => samePerson(one.name, other.name)))) {
    problems.push('one person was custodian and witness');
  }
  const made = lines.filter((line) => line.kind === 'made');
  // An aborted ceremony may have ended before anybody came; what it made, it made with all of them.
  if (outcome === 'aborted' && made.length === 0) return problems;
  const before = made[0]?.number ?? lines.length;
  for (const { name } of participants) {
    for (const about of ['present', 'plan'] as const) {
      const answer = accepted(asked, name, about).find(({ number }) => number < before);
      if (answer === undefined || (about === 'plan' && answer.object !== planSha256)) {
        problems.push(
          about === 'plan' ? `${name} did not approve the plan` : `${name} was not present`,
        );
      }
    }
  }
  if (outcome === 'aborted') return problems;
  for (const { name } of witnesses) {
    for (const thing of made) {
      const confirmed = accepted(asked, name, 'made').some(
        ({ object, number }) => object === thing.sha256 && number > thing.number,
      );
      if (!confirmed) problems.push(`${name} did not confirm ${thing.what} ${thing.name}`);
    }
  }
  return problems;
}

function accepted(
  asked: readonly AskedLine[],
  name: string,
  about: AskedLine['about'],
): readonly AskedLine[] {
  return asked.filter(
    (line) => line.accepted && line.about === about && samePerson(line.actor, name),
  );
}
