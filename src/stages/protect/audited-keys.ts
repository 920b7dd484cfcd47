import type { Json } from '../../internal/canonical-json.ts'
import type { KeyService } from '../../ports/key-service.ts'
import type { AuditLog } from './audit/log.ts'

/**
 * The same key service with every use in the audit log. A use that the log cannot take does not happen; a use that is
 * refused is logged as denied.
 */
export function auditedKeys(keys: KeyService, audit: AuditLog): KeyService {
  const watched = async <T>(
    act: string,
    key: string,
    principal: string,
    context: Readonly<Record<string, Json>>,
    work: () => Promise<T>,
  ): Promise<T> => {
    const event = { actor: { sub: principal, kind: 'principal' }, act: `keys.${act}`, res: `key:${key}`, ctx: context }
    let result: T
    try {
      result = await work()
    } catch (error) {
      await audit.append({ ...event, effect: 'deny', rule: (error as { code?: string }).code ?? 'error' })
      throw error
    }
    await audit.append({ ...event, effect: 'allow' })
    return result
  }
  return {
    name: keys.name,
    generateDataKey: (key, context, principal) =>
      watched('generateDataKey', key, principal, context, () => keys.generateDataKey(key, context, principal)),
    unwrap: (wrapped, context, principal) =>
      watched('unwrap', wrapped.key, principal, context, () => keys.unwrap(wrapped, context, principal)),
    create: (key, principal) => watched('create', key, principal, {}, () => keys.create(key, principal)),
    rotate: (key, principal) => watched('rotate', key, principal, {}, () => keys.rotate(key, principal)),
    grant: (key, to, actions, principal) =>
      watched('grant', key, principal, { to, actions }, () => keys.grant(key, to, actions, principal)),
    revoke: (key, from, principal) =>
      watched('revoke', key, principal, { from }, () => keys.revoke(key, from, principal)),
    list: () => keys.list(),
  }
}
