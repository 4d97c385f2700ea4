import { ChanceryError, type Principal } from '../domain/index.ts';
import { type Profile, parseProfile } from '../policy/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';

/** Reading and checking profiles; they are files under review, never changed through REST. */
export function profileUseCases({ dependencies }: AuthorityContext) {
  const { profiles } = dependencies;
  return {
    async listProfiles(principal: Principal): Promise<readonly Profile[]> {
      return act(
        dependencies,
        principal,
        'profiles:read',
        { act: 'profile.list', object: 'profiles' },
        async () => [...profiles.values()],
      );
    },

    async showProfile(principal: Principal, name: string): Promise<Profile> {
      return act(
        dependencies,
        principal,
        'profiles:read',
        { act: 'profile.read', object: name },
        async () => {
          const profile = profiles.get(name);
          if (profile === undefined) {
            throw new ChanceryError('notFound', {
              message: `there is no profile ${JSON.stringify(name)}; there are: ${[...profiles.keys()].join(', ')}`,
              field: 'profile',
            });
          }
          return profile;
        },
      );
    },

    /** Parses a profile as the server would. @throws ChanceryError configuration with line and mend */
    async checkProfile(principal: Principal, yaml: string): Promise<Profile> {
      return act(
        dependencies,
        principal,
        'profiles:read',
        { act: 'profile.check', object: 'profile' },
        async () => parseProfile(yaml, 'the profile given'),
      );
    },
  };
}
