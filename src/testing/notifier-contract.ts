import type { Alert, Notifier } from '../ports/notifier.ts'
import type { ContractCase } from './contract.ts'

const alert: Alert = {
  fingerprint: 'f1',
  name: 'drift',
  severity: 'ticket',
  state: 'firing',
  summary: 'column x drifted',
  labels: { monitor: 'm' },
  startsAt: 1_000_000_000_000_000,
}

/** What every notifier does. `open` gives one and a way to read what arrived. */
export function notifierContract(
  open: () => Promise<{ notifier: Notifier; received: () => readonly string[]; close: () => Promise<void> }>,
): ContractCase[] {
  const check = (
    name: string,
    alerts: readonly Alert[],
    judge: (received: readonly string[]) => string | undefined,
  ): ContractCase => ({
    name,
    async run() {
      const { notifier, received, close } = await open()
      try {
        for (const one of alerts) await notifier.send(one)
        const wrong = judge(received())
        if (wrong) throw new Error(wrong)
      } finally {
        await close()
      }
    },
  })
  return [
    check('delivers a firing alert with its summary', [alert], received =>
      received.length === 1 && received[0]?.includes('column x drifted')
        ? undefined
        : `received ${JSON.stringify(received)}`,
    ),
    check(
      'delivers the end of an alert',
      [alert, { ...alert, state: 'resolved', endsAt: alert.startsAt + 1 }],
      received =>
        received.length === 2 && received[1]?.includes('resolved') ? undefined : `received ${JSON.stringify(received)}`,
    ),
  ]
}
