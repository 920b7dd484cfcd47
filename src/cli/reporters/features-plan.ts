import type { Backfill, FeaturesPlan, PlannedFeature, ViewChange } from '../../app/features-plan.ts'
import { grouped } from '../../internal/grouped.ts'
import { spanInWords } from '../../internal/time.ts'
import type { Output } from '../command.ts'
import { counted } from '../words.ts'

/** `1,200,000 rows, 40,000 entities, about 12 s`. */
export function backfillInWords({ rows, entities, seconds }: Backfill): string {
  if (rows === null) return 'once there is a snapshot'
  const many = entities === null ? [] : [`${grouped(entities)} ${entities === 1 ? 'entity' : 'entities'}`]
  const time = seconds === null ? [] : [`about ${spanInWords(Math.max(1, Math.round(seconds)) * 1e6)}`]
  return [counted(rows, 'row'), ...many, ...time].join(', ')
}

const featureWhat = ({ change, before, after }: PlannedFeature): string =>
  change === 'added' ? (after ?? '') : change === 'removed' ? (before ?? '') : `${before} → ${after}`

const readersOf = ({ models, served }: ViewChange): string[] => [
  ...models,
  ...served.map(one => `${one.deployment}: ${one.version} (${one.arm})`),
]

/** Served versions that go on with the definition that they were made with. */
const unchangedReaders = ({ changes }: FeaturesPlan): string[] => [
  ...new Set(
    changes.flatMap(one =>
      one.change === 'none' || one.change === 'new'
        ? []
        : one.served
            .filter(reader => reader.reads === 'own')
            .map(reader => `${reader.version} of ${reader.deployment}`),
    ),
  ),
]

const short = (digest: string): string => digest.slice(7, 19)

/** For people, on a terminal. */
export function printPlan(plan: FeaturesPlan, out: Output, next: string): void {
  if (plan.against !== null) out.line(`Compared with ${plan.against}`)
  out.table(
    ['view', 'change', 'why', 'used by'],
    plan.changes.map(one => [one.view, one.change, one.why, readersOf(one).join(', ')]),
  )
  const features = plan.changes.flatMap(one => one.features.map(feature => ({ view: one.view, feature })))
  if (features.length > 0) {
    out.line()
    out.table(
      ['feature', 'change', 'definition', 'read by'],
      features.map(({ view, feature }) => [
        `${view}.${feature.feature}`,
        feature.breaking ? `${feature.change} (breaking)` : feature.change,
        featureWhat(feature),
        feature.readers.join(', '),
      ]),
    )
  }
  const written = plan.changes.flatMap(one => (one.backfill ? [`${one.view} ${backfillInWords(one.backfill)}`] : []))
  if (written.length > 0 || unchangedReaders(plan).length > 0) out.line()
  for (const line of written) out.line(`To be written: ${line}`)
  for (const one of unchangedReaders(plan)) out.line(`${one} goes on with the definition that it was made with`)
  // What was compared with a commit is not what would be applied
  if (plan.against !== null || plan.changes.every(one => one.change === 'none')) return
  out.line()
  out.line(`Next:  ${next} --plan ${short(plan.digest)}`)
}

/** What would be read as another cell or as markup stands as it is written. */
const cell = (text: string): string => text.replace(/[|\\`<>*_[\]]/g, found => `\\${found}`).replace(/\s+/g, ' ')

const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)]
}

/** For the comment of a pull request. */
export function planAsMarkdown(plan: FeaturesPlan): string {
  const changed = plan.changes.filter(one => one.change !== 'none')
  const against =
    plan.against === null
      ? plan.applied === null
        ? 'nothing was applied before'
        : `against change ${plan.applied}`
      : `against ${plan.against}`
  const title = `### Features: ${plan.environment}, ${changed.length === 0 ? 'no change' : `${counted(changed.length, 'view')} changed`}${plan.breaking ? ', **breaking**' : ''}`
  const lines = [title, '', `Plan \`${short(plan.digest)}\`, ${against}.`]
  if (changed.length === 0) return `${lines.join('\n')}\n`
  lines.push(
    '',
    ...tableOf(
      ['view', 'change', 'why', 'used by', 'to be written'],
      changed.map(one => [
        one.view,
        one.change,
        one.why,
        readersOf(one).join(', '),
        one.backfill ? backfillInWords(one.backfill) : '',
      ]),
    ),
  )
  const features = changed.flatMap(one => one.features.map(feature => ({ view: one.view, feature })))
  if (features.length > 0)
    lines.push(
      '',
      ...tableOf(
        ['feature', 'change', 'definition', 'read by'],
        features.map(({ view, feature }) => [
          `${view}.${feature.feature}`,
          feature.breaking ? `${feature.change}, breaking` : feature.change,
          featureWhat(feature),
          feature.readers.join(', '),
        ]),
      ),
    )
  const own = unchangedReaders(plan)
  if (own.length > 0)
    lines.push('', ...own.map(one => `- ${cell(one)} goes on with the definition that it was made with.`))
  return `${lines.join('\n')}\n`
}
