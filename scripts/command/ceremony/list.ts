import { loadConfiguration } from '../../../src/config/index.ts';
import { withComposition } from './run.ts';

/** A ceremony as the evidence keeps it, flattened. */
export type ListedCeremony = Readonly<Record<string, unknown>>;

/** The ceremonies that were held, newest first. */
export async function listHere(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly ListedCeremony[]> {
  return withComposition(loadConfiguration(environment), 'none', async ({ authority }) =>
    (await authority.listCeremonies(1000)).map(({ at, by, document }) => ({
      at: at.toISOString(),
      by,
      ...document,
    })),
  );
}
