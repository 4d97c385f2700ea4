/** The one configuration file, its variables, and what they mean. Only reader of the environment. */

export type {
  Configuration,
  DatabaseConfiguration,
  HostAndPort,
  LoadOptions,
  NameListsConfiguration,
  ResponderConfiguration,
  SharedConfiguration,
  TokenConfiguration,
} from './configuration.ts';
export {
  listenAddresses,
  loadConfiguration,
  loadResponderConfiguration,
} from './configuration.ts';
export { configurationReference, defaultConfigurationYaml } from './describe.ts';
export type { Environment } from './load.ts';
export { dataFolder, installationFolder } from './load.ts';
export { loadQuickstartConfiguration, type QuickstartConfiguration } from './quickstart.ts';
