import { ChanceryError, type Principal } from '../domain/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { publishedAhead } from './installation.ts';
import type { Installation } from './ports.ts';

/** What `node join` found and did. */
export interface JoinedInstallation {
  readonly installation: Installation;
  /** False when the node belonged to the installation already. */
  readonly joined: boolean;
}

/**
 * Lets one more CA process work on this database: its node folder gets the installation's identity,
 * which it compares with the database from then on (invariant 9). An act of an operator, because an
 * empty folder beside a database is otherwise the sign of a loss.
 *
 * @param afterRestore the folder is of this installation, and a restore was accepted on another node
 * @throws ChanceryError illegalTransition when the folder is another's, or the published CRLs are
 * ahead of the database; notFound before `chancery init`
 */
export async function joinInstallation(
  dependencies: AuthorityDependencies,
  principal: Principal,
  { afterRestore }: { readonly afterRestore: boolean },
): Promise<JoinedInstallation> {
  const { unitOfWork, installationFile } = dependencies;
  const kept = await installationFile.read();
  const { installation, joined } = await unitOfWork.run(async (transaction) => {
    const stored = await transaction.installation.find();
    if (stored === undefined) {
      throw new ChanceryError('notFound', {
        message: 'the database has no installation record; run `chancery init` on the first node',
      });
    }
    if (kept !== undefined && isSame(kept, stored)) {
      return { installation: stored, joined: false };
    }
    const problem =
      refusal(kept, stored, afterRestore) ?? (await publishedAhead(dependencies, transaction));
    if (problem !== undefined) {
      throw new ChanceryError('illegalTransition', { message: `not joined: ${problem}` });
    }
    await recordDone(dependencies, transaction, principal, {
      act: 'node.join',
      object: stored.id,
      details: { serialPrefix: stored.serialPrefix, afterRestore },
    });
    return { installation: stored, joined: true };
  });
  if (joined) {
    await installationFile.write(installation);
  }
  return { installation, joined };
}

function isSame(kept: Installation, stored: Installation): boolean {
  return (
    kept.id === stored.id &&
    kept.serialPrefix === stored.serialPrefix &&
    stored.generation >= kept.generation
  );
}

function refusal(
  kept: Installation | undefined,
  stored: Installation,
  afterRestore: boolean,
): string | undefined {
  if (kept === undefined) {
    return undefined;
  }
  if (kept.id !== stored.id) {
    return `the node folder is of installation ${kept.id}, the database of ${stored.id}; give this node a folder of its own (CHANCERY_NODE_FOLDER)`;
  }
  if (kept.serialPrefix === stored.serialPrefix) {
    return `the database went back: it has generation ${stored.generation}, this node saw ${kept.generation}; check it with \`chancery database verify\` and run \`chancery database accept-restore\` on one node`;
  }
  return afterRestore
    ? undefined
    : `the node folder knows serial number prefix ${kept.serialPrefix}, the database has ${stored.serialPrefix}; when a restore was accepted on another node, say \`chancery node join --after-restore\``;
}
