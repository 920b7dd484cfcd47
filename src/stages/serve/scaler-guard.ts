import { overallStatus, type Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { StageServices } from '../services.ts'
import type { ServedVersion } from './served-version.ts'

/** How often the chain of digests is followed while serving. */
const everyMs = 10_000

type Services = Pick<StageServices, 'store' | 'artifacts' | 'clock'>

/** Holds one deployment to the scaler rules: before a version gets traffic, and while it does. */
export class ScalerGuard {
  readonly #services: Services
  readonly #deployment: string
  #looked = Number.NEGATIVE_INFINITY
  /** Why what is served can no longer be proven; undefined while it can. */
  broken: string | undefined

  constructor(services: Services, deployment: string) {
    this.#services = services
    this.#deployment = deployment
  }

  /** Keeps the version's checks as a report. Throws `scalerRefused`, with a decision, where one fails. */
  async admit({ record, scaler }: ServedVersion): Promise<void> {
    const { store, clock } = this.#services
    const version = `${record.model}@${record.version}`
    const at = clock.now()
    const status = overallStatus(scaler.checks)
    const report: Report = {
      id: ulid(),
      kind: 'scaler',
      subject: version,
      at,
      status,
      checks: scaler.checks,
      evidence: { scaler: scaler.digest, onnx: record.digest, deployment: this.#deployment },
    }
    await store.addReport(report)
    if (status !== 'fail' && status !== 'error') return
    const failed = scaler.checks.filter(check => check.status === 'fail' || check.status === 'error')
    const reason = failed.map(check => check.message).join('; ')
    await store.addDecision({
      id: ulid(),
      kind: 'gate',
      subject: `deployment ${this.#deployment}`,
      at,
      verdict: 'refused',
      reason: `${version} is not served: ${reason}`,
      rule: { name: 'scaler checks', threshold: 'no critical failure' },
      inputs: { version, failed: failed.map(check => check.id) },
      evidence: [report.id],
      actor: 'system',
    })
    throw fail('scalerRefused', { version, reason })
  }

  /** True when it is time to `follow` again. */
  due(): boolean {
    const elapsed = this.#services.clock.elapsed()
    if (elapsed - this.#looked < everyMs) return false
    this.#looked = elapsed
    return true
  }

  /** Whether the registry still names the scaler that is served, and the store still has it as it was. */
  async follow({ record, scaler }: ServedVersion): Promise<void> {
    const version = `${record.model}@${record.version}`
    const named = (await this.#services.store.getModelVersion(record.model, record.version))?.facts.scaler
    if (named !== scaler.digest) {
      this.broken = `the registry names the scaler ${String(named)} for ${version}, ${scaler.digest} is served`
      return
    }
    // The store compares the digest with the bytes
    this.broken = await this.#services.artifacts.get(scaler.digest).then(
      () => undefined,
      (error: unknown) => `the scaler of ${version} cannot be proven: ${messageOf(error)}`,
    )
  }
}
