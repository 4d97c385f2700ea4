import type { Violation } from '../domain/index.ts';
import type { GeneralName } from '../pkix/index.ts';

/** A name in the one form that is compared and issued, or why it is refused. */
export type NormalisedName =
  | { readonly ok: true; readonly name: GeneralName }
  | { readonly ok: false; readonly violation: Violation };
