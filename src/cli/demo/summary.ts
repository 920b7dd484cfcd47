import type { Output } from '../command.ts'
import type { DemoResult } from './result.ts'

const whole = (n: number): string => n.toLocaleString('en-US')
const three = (n: number): string => n.toFixed(3)

const verdictWords: Readonly<Record<string, string>> = { running: 'STILL TRIED ON 30 JUNE', held: 'HELD FOR A PERSON' }

/** Days of drift that are told; the others are counted. */
const maxDays = 3

/** One page for a person: what happened, with the figures that show it. */
export function printSummary(result: DemoResult, out: Output): void {
  const { rows, auc, served } = result
  const heading = (text: string): void => {
    out.line()
    out.line(text)
  }
  heading('DATA')
  out.line(
    `  ${whole(rows.read)} flights read, ${whole(rows.accepted)} accepted, ${rows.quarantined} set aside with their reasons.`,
  )
  out.line(
    `  A week damaged on purpose: ${whole(result.damagedBatch.caught)} of ${whole(result.damagedBatch.injected)} faults caught, the batch ${result.damagedBatch.refused ? 'refused' : 'accepted'}.`,
  )

  heading('WHAT KNOWING TOO EARLY IS WORTH   (AUC on 16 to 31 March)')
  out.table(
    ['  features', 'offline', 'online'],
    [
      ['  none (static inputs)', three(auc.staticOnly), ''],
      ['  delays counted from departure: a leak', three(auc.leakyOffline), three(auc.leakyOnline)],
      ['  delays counted once known', three(auc.knownTimeOffline), three(auc.knownTimeOnline)],
    ],
  )

  heading('PROOFS')
  out.line(
    `  ${whole(result.featuresVerified.compared)} feature values compared between training and the online store: ${result.featuresVerified.mismatches} differ.`,
  )
  out.line(
    `  ONNX against the trainer on ${whole(result.onnx.rows)} rows: largest difference ${result.onnx.maxAbsDiff.toExponential(1)}, ${result.onnx.labelFlips} decisions flipped.`,
  )
  out.line(`  The model rebuilt in a clean worktree: ${result.reproduced ? 'the same bytes' : 'NOT the same bytes'}.`)

  heading(`SERVED   (${whole(served.predictions)} predictions, AUC ${three(served.auc)})`)
  for (const [month, value] of Object.entries(served.byMonth)) out.line(`  ${month}  ${three(value)}`)

  heading(`DRIFT   (${result.windows} days judged)`)
  const before = result.drift.filter(one => one.window < result.change.at)
  const after = result.drift.filter(one => one.window >= result.change.at)
  if (before.length === 0)
    out.line(`  until ${result.change.at}: no day differed from the baseline by more than its days do among themselves`)
  for (const { window, reason } of before) out.line(`  ${window}  ${reason}`)
  out.line(`  from ${result.change.at} on: ${result.change.what}`)
  if (after.length === 0) out.line('      it was not found')
  for (const { window, reason } of after.slice(0, maxDays)) out.line(`  ${window}  ${reason}`)
  if (after.length > maxDays) out.line(`  and on ${after.length - maxDays} more days`)

  out.line(`  alerts that fired: ${result.alerts}`)

  heading('RETRAINS')
  if (result.retrains.length === 0) out.line('  none')
  for (const one of result.retrains) {
    out.line(`  ${one.at.slice(0, 10)}  by ${one.trigger}: ${one.because}`)
    out.line(`      ${one.reason}`)
  }

  heading('CHALLENGERS')
  for (const one of result.rollouts) {
    out.line(`  ${one.challenger}  ${one.what}: ${verdictWords[one.verdict] ?? one.verdict.toUpperCase()}`)
    if (one.sameRows) {
      const { rows, challenger, champion } = one.sameRows
      out.line(
        `      AUC ${three(challenger)} against the champion's ${three(champion)} on the same ${whole(rows)} test rows`,
      )
    }
    out.line(`      ${one.evidence}`)
  }
  if (result.unitCheck) out.line(`  Undeclared, the first of them was refused before any traffic: ${result.unitCheck}`)

  heading('RECORDS')
  out.line(
    `  ${result.models.length} model versions, ${result.decisions} decisions, ${result.checks.evaluated} data checks. ${result.seconds.toFixed(0)} s, peak ${whole(result.peakRssMb)} MB.`,
  )
  out.line()
  out.line('Look at it:  cd .millrace/demo && npx millrace up')
}
