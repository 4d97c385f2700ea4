import { ChanceryError } from '../domain/index.ts';
import {
  type CaParameters,
  type Profile,
  policyParameters,
  subtreeParameters,
} from '../policy/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { CreateIssuerRequest } from './issuers.ts';

/** What of a CA certificate an administrator chooses; its parent elsewhere decides all of it. */
const caParameters = ['pathLength', ...subtreeParameters, ...policyParameters] as const;

/** What a certificate of the same CA hands on, where nothing is chosen. */
const inherited = ['pathLengthAtMost', 'inheritedNameConstraints'] as const;

/** The choices, and what is taken over, alone; the days go with the request. */
export function chosenParameters(request: CaParameters): CaParameters {
  return Object.fromEntries([...caParameters, ...inherited].map((name) => [name, request[name]]));
}

/** Name of the profile that an issuer's own certificate is made by. */
export function profileOf({
  kind,
  profile,
}: Pick<CreateIssuerRequest, 'kind' | 'profile'>): string {
  return profile ?? (kind === 'root' ? 'root-ca' : 'issuing-ca');
}

/** @throws ChanceryError configuration */
export function profileNamed(dependencies: AuthorityDependencies, name: string): Profile {
  const profile = dependencies.profiles.get(name);
  if (profile === undefined) {
    throw new ChanceryError('configuration', {
      message: `profile ${name} is missing from the profiles folder; an issuer can't be made without it`,
    });
  }
  return profile;
}

/** @throws ChanceryError invalidArgument for a profile that makes no such CA, and for choices that are a parent's */
export function checkParameters(
  dependencies: AuthorityDependencies,
  request: CreateIssuerRequest,
): void {
  if (request.profile !== undefined) {
    const profile = dependencies.profiles.get(request.profile);
    if (profile?.type !== 'ca' || profile.selfSigned !== (request.kind === 'root')) {
      throw new ChanceryError('invalidArgument', {
        message: `profile ${JSON.stringify(request.profile)} makes no ${request.kind === 'root' ? 'root' : 'CA below another'}; see \`chancery profile list\``,
        field: 'profile',
      });
    }
  }
  const decided = ([...caParameters, 'days', 'profile'] as const).some((name) => {
    const value = request[name];
    return typeof value === 'object' ? value.length > 0 : value !== undefined;
  });
  if (request.kind === 'external' && decided) {
    throw new ChanceryError('invalidArgument', {
      message:
        'validity, path length, name constraints and policies of an external subordinate are decided by its parent; leave them out',
      field: 'days',
    });
  }
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** @throws ChanceryError invalidArgument */
export function checkIssuerName(name: string): void {
  if (!namePattern.test(name)) {
    throw new ChanceryError('invalidArgument', {
      message: `issuer name ${JSON.stringify(name)} is not 1 to 63 letters, digits, dots, hyphens or underscores`,
      field: 'name',
    });
  }
}
