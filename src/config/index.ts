/** The one configuration file, its variables, and what they mean. Only reader of the environment. */

export type {
  AcmeConfiguration,
  AcmeDirectoryConfiguration,
  AcmeValidationConfiguration,
} from './acme.ts';
export type {
  Configuration,
  DatabaseConfiguration,
  LoadOptions,
  NameListsConfiguration,
  ResponderConfiguration,
  SharedConfiguration,
} from './configuration.ts';
export {
  listenAddresses,
  loadConfiguration,
  loadResponderConfiguration,
} from './configuration.ts';
export { configurationReference, defaultConfigurationYaml } from './describe.ts';
export type { ForeignConfiguration } from './foreign.ts';
export type { Environment } from './load.ts';
export { dataFolder, installationFolder } from './load.ts';
export { loadQuickstartConfiguration, type QuickstartConfiguration } from './quickstart.ts';
export type { StoreConfiguration } from './store.ts';
export type { StandbyConfiguration, TokenConfiguration } from './tokens.ts';
export type { HostAndPort } from './values.ts';
