export {
  createToken,
  describeToken,
  listTokens,
  revokeToken,
  scopes,
  withOwnToken,
  type Scope,
  type TokenOptions,
  type TokenRecord,
} from './auth/tokens.ts'
export { EventBus, type ServerEvent } from './events/bus.ts'
export { checkBind } from './auth/guard.ts'
export { startControl } from './control.ts'
export { addFigures, type Figures } from './metrics.ts'
export { startServer, type RunningServer, type ServerOptions } from './listen.ts'
export { readTls, type TlsFiles } from './tls.ts'
